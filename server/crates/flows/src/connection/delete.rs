//! Deleting a connection: first it stops working, then its plugin tidies up at the provider, then its grant is revoked
//! there, then it is gone. What a crash or a provider that is down leaves undone, a job takes up. What became of the grant
//! is kept when the connection is gone.

use std::time::Duration;

use api_types::event::EventKind;
use chrono::TimeDelta;
use domain::revocation::RevocationState;
use ids::ConnectionId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{ConnectionContext, StoreError};

use super::{
    release::{Released, release, told},
    stop::{End, hold, stop},
};
use crate::{Ctx, audit, event, plugin};

/// The queue of the job that finishes deletions.
pub const QUEUE: &str = "connection_delete";

/// How often, and after which pause, a deletion is tried while a worker writes.
const WRITER_TRIES: u32 = 30;
const WRITER_PAUSE: Duration = Duration::from_millis(100);

/// What a job of the queue does.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct DeleteJob {
    /// The connection whose deletion is to be finished.
    pub connection: ConnectionId,
}

/// What became of a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone.
    Gone,
    /// It works no longer; a job goes on asking the provider to revoke the grant, and then removes it.
    Pending {
        /// Not before this much later, if the provider said so.
        retry_after: Option<Duration>,
        /// Why it is not done yet.
        reason: String,
    },
}

/// Why a connection was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// No such connection in this environment.
    #[error("there is no such connection")]
    NotFound,
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for DeleteError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

/// Stops a connection and removes it, with the grant revoked at the provider.
///
/// # Errors
/// [`DeleteError`].
pub async fn delete(ctx: Ctx<'_>, id: ConnectionId) -> Result<Deleted, DeleteError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let row = hold(&mut tx, id).await?;
    let end = End {
        health: row.health.deleted(),
        queue: QUEUE,
        payload: json!(DeleteJob { connection: id }),
        after: TimeDelta::seconds(90),
        action: "connection.delete_requested",
    };
    stop(ctx, tx, row, end).await?;
    finish(ctx, id, false).await
}

/// Revokes the grant and removes a connection that is being deleted. `last`: whether it goes even if the provider cannot
/// be reached. One that is gone already is fine.
///
/// # Errors
/// [`DeleteError`], but never `NotFound`.
pub async fn finish(ctx: Ctx<'_>, id: ConnectionId, last: bool) -> Result<Deleted, DeleteError> {
    let services = ctx.services;
    let mut was_tidied = false;
    for _ in 0..WRITER_TRIES {
        let mut tx = services.store.begin(ctx.scope).await?;
        let context = match tx.connections().context(id).await {
            Err(StoreError::NotFound) => return Ok(Deleted::Gone),
            found => found?,
        };
        let before = tx.revocations().of(&[id]).await?.into_iter().next();
        tx.commit().await?;

        // Only while the provider has not been asked to let go; what was done before it was asked is not done again.
        was_tidied |= before.as_ref().is_some_and(|row| row.tries > 0);
        let (state, reason) = match before.filter(|row| row.state.is_settled()) {
            // What became of it is known already, from a time before this deletion or from a call that broke off here.
            Some(row) => (row.state, row.reason),
            None => {
                if !was_tidied {
                    plugin::before_delete(ctx, id, &context).await;
                    was_tidied = true;
                }
                match release(ctx, id, &context).await {
                    Released::Settled(state, reason) => (state, reason),
                    Released::Later { reason, .. } if last => {
                        (RevocationState::Failed, format!("Given up after many tries: {reason}."))
                    }
                    Released::Later { retry_after, reason, was_asked } => {
                        return put_off(ctx, id, retry_after, reason, was_asked).await;
                    }
                }
            }
        };
        match remove(ctx, id, &context, (state, &reason)).await {
            Ok(false) => {}
            // Or another call was faster.
            Ok(true) | Err(StoreError::NotFound) => {
                services.connections.forget(id);
                return Ok(Deleted::Gone);
            }
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(WRITER_PAUSE).await;
    }
    Ok(Deleted::Pending { retry_after: Some(Duration::from_secs(1)), reason: "a run is still writing".into() })
}

/// Says why the provider has not let go yet.
async fn put_off(
    ctx: Ctx<'_>,
    id: ConnectionId,
    retry_after: Option<Duration>,
    reason: String,
    was_asked: bool,
) -> Result<Deleted, DeleteError> {
    let services = ctx.services;
    let next = services.now() + TimeDelta::from_std(retry_after.unwrap_or_default()).unwrap_or_default();
    let mut tx = services.store.begin(ctx.scope).await?;
    tx.revocations().put_off(id, &reason, next, was_asked).await?;
    tx.commit().await?;
    Ok(Deleted::Pending { retry_after, reason })
}

/// Removes it, with event and audit row. `false`, and nothing done, while a worker is just writing to one of its runs or
/// its credential is no longer the one that was revoked; the next try finds the connection stopped.
async fn remove(
    ctx: Ctx<'_>,
    id: ConnectionId,
    context: &ConnectionContext,
    (state, reason): (RevocationState, &str),
) -> Result<bool, StoreError> {
    let services = ctx.services;
    let now = services.now();
    let mut tx = services.store.begin(ctx.scope).await?;
    if let Some(credential) = &context.credential
        && state == RevocationState::Revoked
        && !tx.revocations().hold_credential(id, credential.generation).await?
    {
        return Ok(false);
    }
    // While the connection is still there: whoever reaches connections by their tags sees it no more afterwards.
    tx.revocations().settle(id, state, reason, now).await?;
    if !tx.connections().delete(id).await? {
        return Ok(false);
    }
    let data = json!({
        "connection_id": id,
        "integration_id": context.integration.id,
        "end_user_id": context.connection.end_user.id,
        "revocation": told(state, reason),
    });
    event::emit(&mut tx, services, EventKind::ConnectionDeleted, Some(id), data).await?;
    let detail = json!({ "revocation": told(state, reason), "account": context.connection.account });
    tx.audit(audit::row(services, ctx.actor, "connection.deleted", id, detail)).await?;
    tx.commit().await?;
    Ok(true)
}
