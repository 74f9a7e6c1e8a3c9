//! One refresh of one generation, as [`domain::refresh`] has it: claim, ask, commit or fail. The provider is asked without a
//! database connection, and what it answers is held until the database has taken or refused it.

use std::time::Duration;

use auth::{Failure, Material};
use chrono::TimeDelta;
use domain::{
    entropy,
    refresh::{ASKING, Ending, LATEST_START, Lease, Loss, NotClaimed, delay, proactive_at, verdict},
};
use futures_util::{FutureExt as _, future::BoxFuture};
use ids::ConnectionId;
use serde_json::json;
use store::{ConnectionContext, FailedRefresh, NewCredential, StoreError};
use tokio::time::Instant;
use vault::{DataKeyRecord, KeyError, Sealed};

use super::{
    FreshError, SealError,
    account::{AccountError, account, outside},
    data_key::{data_key, open},
    fresh::usable,
    known::place,
};
use crate::{Actor, Ctx, Services, audit, connection, fault};

/// How long to wait between tries while the database is away.
const AGAIN: Duration = Duration::from_secs(2);

/// What came of a refresh.
pub(super) enum Refreshed {
    /// Something changed: read again.
    Done,
    /// Another node has the lease.
    Held,
    /// There is no new token, and the reason.
    Failed(FreshError),
}

/// Refreshes that generation, if nobody else does. Not to be dropped before its end.
pub(super) async fn refresh(ctx: Ctx<'_>, id: ConnectionId, generation: i64) -> Result<Refreshed, FreshError> {
    let services = ctx.services;
    // Whatever can fail before the provider is asked shall fail now.
    let key = data_key(ctx).await?;
    let began = Instant::now();
    let mut tx = services.store.begin(ctx.scope).await?;
    let context = tx.connections().context(id).await?;
    usable(context.connection.health)?;
    let lease = match tx.credentials().claim(id, generation, services.node).await? {
        Ok(lease) => lease,
        Err(NotClaimed::Newer) => return Ok(Refreshed::Done),
        Err(NotClaimed::Held) => return Ok(Refreshed::Held),
    };
    fault::point("refresh.claim");
    if let Err(error) = tx.commit().await {
        // It may have been committed all the same. Nobody was asked.
        give_back(ctx, id, lease, Ending::Known, Duration::from_secs(1)).await?;
        return Err(error.into());
    }
    fault::point("refresh.claimed");

    let answer = match ask(ctx, id, &context, began).await {
        Ok(answer) => answer,
        Err(error) => {
            give_back(ctx, id, lease, Ending::Known, Duration::from_secs(1)).await?;
            return Err(error);
        }
    };
    fault::point("refresh.answered");
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
    began: Instant,
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
    // A process that was stopped for so long that its lease may end before the answer comes does not ask any more.
    if began.elapsed() > LATEST_START {
        let detail = "the refresh took too long before the provider was asked".into();
        return Err(FreshError::ProviderDown { retry_after: Duration::from_secs(1), detail });
    }
    let renewing = tokio::time::timeout(ASKING, account.renew(outside(ctx.services, None), &material));
    let renewed = renewing.await.unwrap_or_else(|_| {
        let detail = format!("no answer within {} s", ASKING.as_secs());
        Err(Failure::ProviderDown { detail, retry_after: None, may_have_acted: true })
    });
    Ok(renewed.map(|material| Renewed { is_renewable: account.is_renewable(&material), material }))
}

/// The next generation.
struct Renewed {
    material: Material,
    is_renewable: bool,
}

/// Stores what the provider gave, however long the database or the key service is away: it exists nowhere else.
async fn commit(
    ctx: Ctx<'_>,
    id: ConnectionId,
    lease: Lease,
    key: &DataKeyRecord,
    renewed: &Renewed,
) -> Result<Refreshed, FreshError> {
    let services = ctx.services;
    let sealed = loop {
        match services.sealer.seal(ctx.scope, key, place(id), &renewed.material.to_bytes()).await {
            // What the key service forbids, its operator can allow again.
            Err(error) if error.retry_after().is_some() || matches!(error, KeyError::Denied { .. }) => {
                tracing::warn!(connection.id = %id, %error, "a refreshed token waits for the key service");
                tokio::time::sleep(AGAIN).await;
            }
            sealed => break sealed?,
        }
    };
    fault::point("refresh.sealed");
    let new = new_credential(services, sealed, &renewed.material, renewed.is_renewable);
    until_stored(id, || {
        let stored = async {
            let mut tx = services.store.begin(ctx.scope).await?;
            // First the connection, as a reconnect does. Somebody may have taken over while this answer waited, and given
            // it up.
            connection::found_again(&mut tx, services, id).await?;
            tx.credentials().commit_refresh(id, lease, &new, services.now()).await?;
            fault::point("refresh.commit");
            tx.commit().await
        };
        stored.boxed()
    })
    .await?;
    fault::point("refresh.committed");
    Ok(Refreshed::Done)
}

/// Tries until the database has taken or refused it. Refused means that what is stored is newer, or that the connection is
/// gone: no failure.
async fn until_stored<'a>(
    id: ConnectionId,
    store: impl Fn() -> BoxFuture<'a, Result<(), StoreError>> + Send + Sync,
) -> Result<(), StoreError> {
    loop {
        match store().await {
            Ok(()) | Err(StoreError::Superseded(_) | StoreError::NotFound) => return Ok(()),
            Err(StoreError::Unavailable(reason)) => {
                tracing::warn!(connection.id = %id, reason, "the end of a refresh waits for the database");
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The row of a credential.
pub(crate) fn new_credential(
    services: &Services,
    sealed: Sealed,
    material: &Material,
    is_renewable: bool,
) -> NewCredential {
    let tokens = material.tokens.as_ref();
    let expires_at = tokens.and_then(|tokens| tokens.expires_at);
    let refresh_ends_at = tokens.and_then(|tokens| tokens.refresh_expires_at);
    let refresh_at = proactive_at(services.now(), expires_at, refresh_ends_at, random(services));
    NewCredential {
        sealed: sealed.into_bytes(),
        refreshable: is_renewable,
        expires_at,
        scopes_granted: tokens.and_then(|tokens| tokens.scopes_granted.clone()),
        refresh_at: refresh_at.filter(|_| is_renewable),
    }
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
    let loss = match failure {
        Failure::Revoked { .. } => Some(Loss::Refused),
        Failure::Expired => Some(Loss::Expired),
        _ => None,
    };
    if let Some(loss) = loss {
        let cause = verdict(lease, loss);
        let failed = FailedRefresh { ending: Ending::Known, not_before: None };
        until_stored(id, || {
            let stored = async {
                let mut tx = services.store.begin(ctx.scope).await?;
                tx.connections().lock(id).await?;
                if tx.credentials().fail_refresh(id, lease, failed).await? {
                    connection::needs_reauth(&mut tx, services, id, cause, Actor::System).await?;
                }
                fault::point("refresh.lost");
                tx.commit().await
            };
            stored.boxed()
        })
        .await?;
        // Read again: a late answer may have been stored meanwhile.
        return Ok(Refreshed::Done);
    }
    let failures = context.credential.as_ref().map_or(0, |row| row.refresh_failures);
    let failures = u32::try_from(failures).unwrap_or_default().saturating_add(1);
    let wait = delay(failures, failure.retry_after(), random(services));
    let ending = if failure.may_have_acted() { Ending::Unknown } else { Ending::Known };
    give_back(ctx, id, lease, ending, wait).await?;
    fault::point("refresh.given_back");
    let mut tx = services.store.begin(ctx.scope).await?;
    let detail = json!({ "code": failure.code(), "detail": failure.to_string() });
    tx.audit(audit::row(services, Actor::System, "connection.refresh_failed", id, detail)).await?;
    tx.commit().await?;
    Ok(Refreshed::Failed(match failure {
        Failure::ClientMisconfigured(what) => FreshError::Misconfigured { detail: what.to_string() },
        other => FreshError::ProviderDown { retry_after: wait, detail: other.to_string() },
    }))
}

fn random(services: &Services) -> u64 {
    u64::from_le_bytes(entropy::bytes(services.entropy.as_ref()))
}

/// Gives the lease back, however long the database is away: nobody takes it from a node that lives.
async fn give_back(
    ctx: Ctx<'_>,
    id: ConnectionId,
    lease: Lease,
    ending: Ending,
    wait: Duration,
) -> Result<(), FreshError> {
    let not_before = ctx.services.now() + TimeDelta::from_std(wait).unwrap_or_default();
    let failed = FailedRefresh { ending, not_before: Some(not_before) };
    let stored = until_stored(id, || {
        let stored = async {
            let mut tx = ctx.services.store.begin(ctx.scope).await?;
            tx.credentials().fail_refresh(id, lease, failed).await?;
            tx.commit().await
        };
        stored.boxed()
    });
    Ok(stored.await?)
}
