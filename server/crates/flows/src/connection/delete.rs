//! Deleting a connection: first it stops working, then its grant is revoked at the provider, then it is gone. What a
//! crash or a provider that is down leaves undone, a job takes up.

use std::time::Duration;

use api_types::event::EventKind;
use auth::{Failure, Material, Revocation};
use chrono::TimeDelta;
use domain::manifest::AuthSpec;
use ids::{ConnectionId, JobId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{ConnectionContext, NewJob, StoreError};
use vault::Sealed;

use crate::{
    Ctx, audit,
    credentials::{account, credential_place, open, outside},
    event,
};

/// The queue of the job that finishes deletions.
pub const QUEUE: &str = "connection_delete";

/// How often, and after which pause, a deletion is tried while a worker writes.
const WRITER_TRIES: u32 = 30;
const WRITER_PAUSE: Duration = Duration::from_millis(100);

/// Longest wait for the provider; a job goes on later.
const PATIENCE: Duration = Duration::from_secs(10);

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
    let services = ctx.services;
    let now = services.now();
    let mut tx = services.store.begin(ctx.scope).await?;
    tx.connections().lock_syncs(id).await?;
    let mut row = tx.connections().lock(id).await?;
    row.health = row.health.deleted();
    row.health_changed_at = now;
    row.updated_at = now;
    tx.connections().update(&row).await?;
    tx.syncs().stop_for_connection(id, now).await?;
    let job = NewJob {
        id: services.mint.id(JobId::new),
        queue: QUEUE,
        serial_key: Some(id.to_string()),
        dedupe_key: Some(id.to_string()),
        priority: 1,
        payload: json!(DeleteJob { connection: id }),
        // This call tries at once; the job is for when it does not come to its end.
        run_at: now + TimeDelta::seconds(90),
    };
    tx.jobs().enqueue(job, now).await?;
    tx.audit(audit::row(services, ctx.actor, "connection.delete_requested", id, json!({}))).await?;
    tx.commit().await?;
    services.connections.forget(id);
    finish(ctx, id, false).await
}

/// Revokes the grant and removes a connection that is being deleted. `last`: whether it goes even if the provider cannot
/// be reached. One that is gone already is fine.
///
/// # Errors
/// [`DeleteError`], but never `NotFound`.
pub async fn finish(ctx: Ctx<'_>, id: ConnectionId, last: bool) -> Result<Deleted, DeleteError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let context = match tx.connections().context(id).await {
        Err(StoreError::NotFound) => return Ok(Deleted::Gone),
        found => found?,
    };
    tx.commit().await?;

    let revocation = match revoke(ctx, id, &context).await {
        Ok(outcome) => outcome.to_owned(),
        Err((retry_after, reason)) if !last => return Ok(Deleted::Pending { retry_after, reason }),
        Err((_, reason)) => format!("given up: {reason}"),
    };

    for _ in 0..WRITER_TRIES {
        match remove(ctx, id, &context, &revocation).await {
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

/// Removes it, with event and audit row. `false`, and nothing done, while a worker is just writing to one of its runs;
/// the next page finds the connection stopped.
async fn remove(
    ctx: Ctx<'_>,
    id: ConnectionId,
    context: &ConnectionContext,
    revocation: &str,
) -> Result<bool, StoreError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    if !tx.connections().delete(id).await? {
        return Ok(false);
    }
    let data = json!({
        "connection_id": id,
        "integration_id": context.integration.id,
        "end_user_id": context.connection.end_user.id,
        "revocation": revocation,
    });
    event::emit(&mut tx, services, EventKind::ConnectionDeleted, Some(id), data).await?;
    let detail = json!({ "revocation": revocation, "account": context.connection.account });
    tx.audit(audit::row(services, ctx.actor, "connection.deleted", id, detail)).await?;
    tx.commit().await?;
    Ok(true)
}

/// Asks the provider to let go. The error is for what may be better later: how long to wait, and why.
async fn revoke(
    ctx: Ctx<'_>,
    id: ConnectionId,
    context: &ConnectionContext,
) -> Result<&'static str, (Option<Duration>, String)> {
    let Some(credential) = &context.credential else { return Ok("nothing to revoke") };
    let provider = ctx.services.provider(ctx.scope, &context.integration.provider).await;
    let Some(provider) = provider.map_err(|error| (None, error.to_string()))? else {
        return Ok("the provider is not installed any more");
    };
    if matches!(&provider.manifest.auth, AuthSpec::None) {
        return Ok("nothing to revoke");
    }
    let sealed = Sealed::from_bytes(credential.sealed.clone()).map_err(|error| (None, error.to_string()))?;
    let opened = open(ctx, credential_place(id), &sealed).await.map_err(|error| (None, error.to_string()))?;
    let material = Material::from_bytes(&opened).map_err(|error| (None, error.to_string()))?;
    let (integration, variables) = (&context.integration, &context.connection.variables);
    let account = account(ctx, &provider.manifest, integration, variables, &material.fields);
    let account = account.await.map_err(|error| (None, error.to_string()))?;
    let revoked = tokio::time::timeout(PATIENCE, account.revoke(outside(ctx.services, None), &material));
    let Ok(revoked) = revoked.await else { return Err((None, "the provider does not answer".into())) };
    match revoked {
        Ok(Revocation::Done) => Ok("revoked"),
        Ok(Revocation::Unsupported) => Ok("the provider has no revocation"),
        Err(failure @ (Failure::Throttled { .. } | Failure::ProviderDown { .. })) => {
            Err((failure.retry_after(), failure.to_string()))
        }
        // It will say the same next time.
        Err(failure) => {
            tracing::warn!(connection.id = %id, code = failure.code(), reason = %failure, "a grant was not revoked");
            Ok("refused by the provider")
        }
    }
}
