//! The first half of each way to end a connection: it works no longer, its syncs neither, and a job will ask its provider
//! to let go, whatever becomes of the call that stopped it.

use chrono::TimeDelta;
use domain::{Scope, connection::Health};
use ids::{ConnectionId, JobId};
use serde_json::json;
use store::{Calls, ConnectionRow, NewJob, StoreError, Tx};

use crate::{Ctx, audit};

/// What ends a connection.
pub(super) struct End {
    /// How it is from now on.
    pub health: Health,
    /// The queue of the job that brings it to its end, and what that job does.
    pub queue: &'static str,
    pub payload: serde_json::Value,
    /// When the job takes over. The call that stops the connection tries at once; the job is for when it breaks off.
    pub after: TimeDelta,
    /// The audit row's action.
    pub action: &'static str,
}

/// A connection that nobody else changes until the transaction ends, nor any run of its syncs.
///
/// # Errors
/// [`StoreError::NotFound`], or the query failed.
pub(super) async fn hold(tx: &mut Tx<Scope>, id: ConnectionId) -> Result<ConnectionRow, StoreError> {
    tx.connections().lock_syncs(id).await?;
    tx.connections().lock(id).await
}

/// Stops a connection that is held, and commits.
///
/// # Errors
/// A query failed.
pub(super) async fn stop(ctx: Ctx<'_>, mut tx: Tx<Scope>, mut row: ConnectionRow, end: End) -> Result<(), StoreError> {
    let services = ctx.services;
    let (id, now) = (row.id, services.now());
    row.turn(end.health, now);
    tx.connections().update(&row).await?;
    tx.syncs().stop_for_connection(id, now).await?;
    tx.revocations().ask(id, now).await?;
    let job = NewJob::about(id, services.mint.id(JobId::new), end.queue, end.payload, now + end.after);
    tx.jobs().enqueue(NewJob { calls: Calls::Connection(id), ..job }, now).await?;
    tx.audit(audit::row(services, ctx.actor, end.action, id, json!({}))).await?;
    tx.commit().await?;
    services.connections.forget(id);
    Ok(())
}
