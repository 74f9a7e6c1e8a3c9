//! One refresh of one generation: a lease first, then the provider without a database connection, then a commit that only
//! counts if generation and lease are still the ones that were read.

use std::time::Duration;

use auth::{Failure, Material};
use chrono::TimeDelta;
use domain::{connection::ReauthCause, entropy, refresh::delay};
use ids::ConnectionId;
use serde_json::json;
use store::{ConnectionContext, Lease, NewCredential, StoreError};
use tokio::sync::OwnedMutexGuard;
use vault::{DataKeyRecord, Sealed};

use super::{
    FreshError, SealError,
    account::{AccountError, account, outside},
    data_key::{data_key, open},
    fresh::{by_itself, place},
};
use crate::{Actor, Ctx, Services, audit, connection::needs_reauth};

/// How long a lease lasts: longer than the token endpoint's deadline and everything around it.
const LEASE: TimeDelta = TimeDelta::seconds(90);
/// How often the commit is tried while the database is away. What the provider gave exists nowhere else.
const COMMIT_TRIES: u32 = 40;

/// What came of a refresh.
pub(super) enum Refreshed {
    /// Something changed: read again.
    Done,
    /// Someone else has the lease, or the generation is over.
    Taken,
    /// There is no new token, and the reason.
    Failed(FreshError),
}

/// Refreshes that generation, if nobody else does. Once begun it is carried through even if the caller goes away: an
/// answer that nobody waits for may hold the only valid refresh token.
pub(super) async fn refresh(
    ctx: Ctx<'_>,
    id: ConnectionId,
    generation: i64,
    gate: OwnedMutexGuard<()>,
) -> Result<Refreshed, FreshError> {
    let (services, scope) = (ctx.services.clone(), ctx.scope);
    let work = tokio::spawn(async move {
        let _gate = gate;
        let done = refresh_leased(by_itself(services.ctx(scope, Actor::System)), id, generation).await;
        services.connections.forget(id);
        done
    });
    work.await.unwrap_or_else(|error| Err(FreshError::Internal(format!("the refresh broke off: {error}"))))
}

async fn refresh_leased(ctx: Ctx<'_>, id: ConnectionId, generation: i64) -> Result<Refreshed, FreshError> {
    let services = ctx.services;
    // Whatever can fail before the provider is asked shall fail now.
    let key = data_key(ctx).await?;
    let now = services.now();
    let mut tx = services.store.begin(ctx.scope).await?;
    let Some(lease) = tx.credentials().lease(id, generation, now + LEASE, now).await? else {
        tx.commit().await?;
        return Ok(Refreshed::Taken);
    };
    let context = tx.connections().context(id).await?;
    tx.commit().await?;

    let answer = match ask(ctx, id, &context).await {
        Ok(answer) => answer,
        Err(error) => {
            give_back(ctx, id, lease, false, Duration::from_secs(1)).await?;
            return Err(error);
        }
    };
    match answer {
        Ok(renewed) => commit(ctx, id, lease, &key, &renewed).await,
        Err(failure) => fail(ctx, id, lease, &context, &failure).await,
    }
}

/// Asks the provider. The outer error says that it was not asked.
async fn ask(
    ctx: Ctx<'_>,
    id: ConnectionId,
    context: &ConnectionContext,
) -> Result<Result<Renewed, Failure>, FreshError> {
    let slug = &context.integration.provider;
    let provider = ctx.services.provider(ctx.scope, slug).await?;
    let misconfigured = |detail: String| FreshError::Misconfigured { detail };
    let provider = provider.ok_or_else(|| misconfigured(format!("the provider `{slug}` is not installed")))?;
    let row = context.credential.as_ref().ok_or_else(|| FreshError::Internal("no credential to refresh".into()))?;
    let opened = open(ctx, place(id), &Sealed::from_bytes(row.sealed.clone())?).await?;
    let material = Material::from_bytes(&opened).map_err(|error| FreshError::Internal(error.to_string()))?;
    let (integration, variables) = (&context.integration, &context.connection.variables);
    let account = account(ctx, &provider.manifest, integration, variables, &material.fields).await;
    let account = account.map_err(|error| match error {
        AccountError::Misconfigured(detail) => misconfigured(detail),
        AccountError::Seal(SealError::Keys(error)) => error.into(),
        AccountError::Seal(SealError::Store(error)) => error.into(),
    })?;
    let renewed = account.renew(outside(ctx.services, None), &material).await;
    Ok(renewed.map(|material| Renewed { is_renewable: account.is_renewable(&material), material }))
}

/// The next generation.
struct Renewed {
    material: Material,
    is_renewable: bool,
}

async fn commit(
    ctx: Ctx<'_>,
    id: ConnectionId,
    lease: Lease,
    key: &DataKeyRecord,
    renewed: &Renewed,
) -> Result<Refreshed, FreshError> {
    let sealed = ctx.services.sealer.seal(ctx.scope, key, place(id), &renewed.material.to_bytes()).await?;
    let new = new_credential(sealed, &renewed.material, renewed.is_renewable);
    let mut tries = 0;
    loop {
        match commit_once(ctx, id, lease, &new).await {
            Ok(()) => return Ok(Refreshed::Done),
            // Reconnected or deleted meanwhile: what is there is newer than what we hold.
            Err(StoreError::Superseded(_)) => return Ok(Refreshed::Done),
            Err(StoreError::Unavailable(reason)) if tries < COMMIT_TRIES => {
                tries += 1;
                tracing::warn!(connection.id = %id, reason, tries, "a refreshed token waits for the database");
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The row of a credential.
pub(crate) fn new_credential(sealed: Sealed, material: &Material, is_renewable: bool) -> NewCredential {
    let tokens = material.tokens.as_ref();
    NewCredential {
        sealed: sealed.into_bytes(),
        refreshable: is_renewable,
        expires_at: tokens.and_then(|tokens| tokens.expires_at),
        scopes_granted: tokens.and_then(|tokens| tokens.scopes_granted.clone()),
    }
}

async fn commit_once(ctx: Ctx<'_>, id: ConnectionId, lease: Lease, new: &NewCredential) -> Result<(), StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    tx.credentials().commit_refresh(id, lease, new, ctx.services.now()).await?;
    tx.commit().await
}

async fn fail(
    ctx: Ctx<'_>,
    id: ConnectionId,
    lease: Lease,
    context: &ConnectionContext,
    failure: &Failure,
) -> Result<Refreshed, FreshError> {
    let services = ctx.services;
    tracing::warn!(connection.id = %id, code = failure.code(), reason = %failure, "a token was not refreshed");
    let cause = match failure {
        // The provider took an earlier try, its answer never reached us, and now the token that we hold is spent.
        Failure::Revoked { .. } | Failure::RotationLost if lease.after_unknown => Some(ReauthCause::LostRotation),
        Failure::RotationLost => Some(ReauthCause::LostRotation),
        Failure::Revoked { .. } => Some(ReauthCause::Revoked),
        Failure::Expired => Some(ReauthCause::Expired),
        _ => None,
    };
    if let Some(cause) = cause {
        let mut tx = services.store.begin(ctx.scope).await?;
        // The connection before its credential, as a reconnect does.
        tx.connections().lock(id).await?;
        let ended = tx.credentials().fail_refresh(id, lease, false, None, services.now()).await;
        if let Err(StoreError::Superseded(_)) = ended {
            return Ok(Refreshed::Done);
        }
        ended?;
        needs_reauth(&mut tx, services, id, cause, Actor::System).await?;
        tx.commit().await?;
        return Ok(Refreshed::Failed(FreshError::NeedsReauth { cause, reason: cause.reason() }));
    }
    let failures = context.credential.as_ref().map_or(0, |row| row.refresh_failures);
    let wait = wait(services, failures, failure.retry_after());
    give_back(ctx, id, lease, failure.may_have_acted(), wait).await?;
    let mut tx = services.store.begin(ctx.scope).await?;
    let detail = json!({ "code": failure.code(), "detail": failure.to_string() });
    tx.audit(audit::row(services, Actor::System, "connection.refresh_failed", id, detail)).await?;
    tx.commit().await?;
    Ok(Refreshed::Failed(match failure {
        Failure::ClientMisconfigured(what) => FreshError::Misconfigured { detail: what.to_string() },
        other => FreshError::ProviderDown { retry_after: wait, detail: other.to_string() },
    }))
}

fn wait(services: &Services, failures: i32, retry_after: Option<Duration>) -> Duration {
    let random = u64::from_le_bytes(entropy::bytes(services.entropy.as_ref()));
    delay(u32::try_from(failures).unwrap_or_default().saturating_add(1), retry_after, random)
}

async fn give_back(
    ctx: Ctx<'_>,
    id: ConnectionId,
    lease: Lease,
    unknown: bool,
    wait: Duration,
) -> Result<(), FreshError> {
    let now = ctx.services.now();
    let not_before = now + TimeDelta::from_std(wait).unwrap_or_default();
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    match tx.credentials().fail_refresh(id, lease, unknown, Some(not_before), now).await {
        Ok(()) => Ok(tx.commit().await?),
        Err(StoreError::Superseded(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
