//! Giving a connection's grant back while the connection stays: it ends in health `revoked`, with its credential wiped.

use std::time::Duration;

use api_types::event::EventKind;
use chrono::TimeDelta;
use domain::{connection::Health, entropy, retry, revocation::RevocationState};
use ids::{ConnectionId, RevocationRunId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{ConnectionContext, RevocationRow, StoreError};

use super::{
    release::{Released, release, told},
    stop::{End, hold, stop},
};
use crate::{Ctx, Services, audit, event};

/// The queue of the job that asks providers to let go.
pub const QUEUE: &str = "connection_revoke";

/// After so many tries the provider is asked no more; with the waits between them, about a day.
const MOST_TRIES: u32 = 100;

/// What a job of the queue does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokeJob {
    /// One connection.
    Connection(ConnectionId),
    /// All that are pending of a run.
    Run(RevocationRunId),
}

/// What became of one try for one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// It is settled.
    Settled(RevocationState),
    /// The provider is asked again after this.
    Later(Duration),
}

/// Why a connection was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// No such connection in this environment.
    #[error("there is no such connection")]
    NotFound,
    /// It is being deleted, and its grant revoked with that.
    #[error("the connection is being deleted")]
    Deleting,
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for RevokeError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

/// Stops a connection for good and asks its provider to let go; what the provider does not do at once, a job goes on
/// asking for. One that is revoked already stays as it is.
///
/// # Errors
/// [`RevokeError`].
pub async fn revoke(ctx: Ctx<'_>, id: ConnectionId) -> Result<(), RevokeError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let row = hold(&mut tx, id).await?;
    match row.health {
        Health::Deleting => return Err(RevokeError::Deleting),
        Health::Revoked => return Ok(()),
        Health::Pending | Health::Active | Health::NeedsReauth(_) | Health::Paused => {}
    }
    let end = End {
        health: Health::Revoked,
        queue: QUEUE,
        payload: json!(RevokeJob::Connection(id)),
        after: TimeDelta::seconds(60),
        action: "connection.revoke_requested",
    };
    stop(ctx, tx, row, end).await?;
    if let Revoked::Later(after) = one(ctx, id).await?
        && after < Duration::from_secs(60)
    {
        let mut tx = services.store.begin(ctx.scope).await?;
        let at = services.now() + TimeDelta::from_std(after).unwrap_or_default();
        tx.jobs().hasten(QUEUE, &id.to_string(), at).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// One try for one connection that was stopped. One that is settled, or gone, is fine.
///
/// # Errors
/// The database failed.
pub async fn one(ctx: Ctx<'_>, id: ConnectionId) -> Result<Revoked, StoreError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let Some(asked) = tx.revocations().of(&[id]).await?.into_iter().next() else {
        return Ok(Revoked::Settled(RevocationState::Nothing));
    };
    if asked.state.is_settled() {
        return Ok(Revoked::Settled(asked.state));
    }
    let context = match tx.connections().context(id).await {
        Err(StoreError::NotFound) => {
            // Whoever removes a connection settles this; here nothing is left to do either way.
            tx.revocations().settle(id, RevocationState::Nothing, "The connection is gone.", services.now()).await?;
            tx.commit().await?;
            return Ok(Revoked::Settled(RevocationState::Nothing));
        }
        found => found?,
    };
    tx.commit().await?;
    if context.connection.health == Health::Deleting {
        // Its deletion asks the provider.
        return put_off(ctx, &asked, &context, None, "the connection is being deleted".into(), false).await;
    }
    match release(ctx, id, &context).await {
        Released::Settled(state, reason) => {
            if settle(ctx, &asked, &context, (state, &reason)).await? {
                Ok(Revoked::Settled(state))
            } else {
                let reason = "a token of it was just renewed".to_owned();
                put_off(ctx, &asked, &context, Some(Duration::from_secs(1)), reason, false).await
            }
        }
        Released::Later { retry_after, reason, was_asked } if asked.tries + 1 < MOST_TRIES => {
            put_off(ctx, &asked, &context, retry_after, reason, was_asked).await
        }
        Released::Later { reason, .. } => {
            let reason = format!("Given up after {MOST_TRIES} tries: {reason}.");
            settle(ctx, &asked, &context, (RevocationState::Failed, &reason)).await?;
            Ok(Revoked::Settled(RevocationState::Failed))
        }
    }
}

/// Its credential goes, and what became of the grant is said. `false`, and nothing done, if the credential is no longer
/// the one that was revoked.
async fn settle(
    ctx: Ctx<'_>,
    asked: &RevocationRow,
    context: &ConnectionContext,
    (state, reason): (RevocationState, &str),
) -> Result<bool, StoreError> {
    let services = ctx.services;
    let (id, now) = (asked.connection, services.now());
    let mut tx = services.store.begin(ctx.scope).await?;
    tx.connections().lock_syncs(id).await?;
    if let Err(StoreError::NotFound) = tx.connections().lock(id).await {
        return Ok(true);
    }
    if let Some(credential) = &context.credential
        && state == RevocationState::Revoked
        && !tx.revocations().hold_credential(id, credential.generation).await?
    {
        return Ok(false);
    }
    tx.syncs().stop_for_connection(id, now).await?;
    tx.revocations().wipe_credential(id).await?;
    if tx.revocations().settle(id, state, reason, now).await? {
        // Whoever was told that it is pending is told the end; others hear of both at once.
        let kind =
            if asked.tries == 0 { EventKind::ConnectionRevoked } else { EventKind::ConnectionRevocationFinished };
        event::emit(&mut tx, services, kind, Some(id), data(asked, context, state, reason)).await?;
        let detail = json!({ "revocation": told(state, reason), "run": asked.run, "account": asked.account });
        tx.audit(audit::row(services, ctx.actor, "connection.revoked", id, detail)).await?;
    }
    tx.commit().await?;
    services.connections.forget(id);
    Ok(true)
}

/// The provider is asked again later. That the connection works no longer is told now.
async fn put_off(
    ctx: Ctx<'_>,
    asked: &RevocationRow,
    context: &ConnectionContext,
    retry_after: Option<Duration>,
    reason: String,
    was_asked: bool,
) -> Result<Revoked, StoreError> {
    let services = ctx.services;
    let id = asked.connection;
    let after = wait(services, asked.tries + 1, retry_after, was_asked);
    let next = services.now() + TimeDelta::from_std(after).unwrap_or_default();
    let mut tx = services.store.begin(ctx.scope).await?;
    let tries = tx.revocations().put_off(id, &reason, next, was_asked).await?;
    if was_asked && tries == 1 {
        let data = data(asked, context, RevocationState::Pending, &reason);
        event::emit(&mut tx, services, EventKind::ConnectionRevoked, Some(id), data).await?;
    }
    tx.commit().await?;
    Ok(Revoked::Later(after))
}

fn data(asked: &RevocationRow, context: &ConnectionContext, state: RevocationState, reason: &str) -> serde_json::Value {
    json!({
        "connection_id": asked.connection,
        "integration_id": asked.integration,
        "end_user_id": context.connection.end_user.id,
        "revocation_run_id": asked.run,
        "revocation": told(state, reason),
    })
}

fn wait(services: &Services, tries: u32, retry_after: Option<Duration>, was_asked: bool) -> Duration {
    match retry_after {
        Some(after) if !was_asked => after,
        after => {
            let roll = u32::from_be_bytes(entropy::bytes(services.entropy.as_ref()));
            retry::backoff(tries, after, roll).max(Duration::from_millis(200))
        }
    }
}
