//! What people do to syncs: run one now or from the beginning, break it off, stop it, let it go on.

use domain::{Scope, connection::Health, run::Trigger};
use ids::{RunId, SyncId};
use serde_json::json;
use store::{StoreError, SyncRow, Tx};

use super::{QUEUE, enqueue_now};
use crate::{Ctx, audit};

/// Why a sync is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No such sync here.
    #[error("there is no such sync")]
    NotFound,
    /// It is paused.
    #[error("the sync is paused; resume it first")]
    Paused,
    /// The end user must connect again first.
    #[error("{reason}")]
    NeedsReauth {
        /// Why.
        reason: &'static str,
    },
    /// Its connection is paused, revoked, being made or being deleted.
    #[error("the connection is {state}, so its syncs do not run")]
    NotConnected {
        /// The connection's state.
        state: &'static str,
    },
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ControlError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

/// Has a sync run now; while it runs, once more after that.
///
/// # Errors
/// [`ControlError`].
pub async fn trigger(ctx: Ctx<'_>, id: SyncId) -> Result<SyncRow, ControlError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let sync = tx.syncs().find(id).await?;
    can_run(&mut tx, &sync).await?;
    enqueue_now(&mut tx, ctx.services, id, Trigger::Api).await?;
    tx.audit(audit::row(ctx.services, ctx.actor, "sync.triggered", id, json!({}))).await?;
    tx.commit().await?;
    Ok(sync)
}

/// Pulls everything anew, now: a run that is under way is broken off, and what the new one does not see is gone at its
/// end.
///
/// # Errors
/// [`ControlError`].
pub async fn resync(ctx: Ctx<'_>, id: SyncId) -> Result<SyncRow, ControlError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let sync = tx.syncs().lock(id).await?;
    can_run(&mut tx, &sync).await?;
    let cancelled = break_off(&mut tx, ctx, id).await?;
    tx.syncs().begin_anew(id).await?;
    enqueue_now(&mut tx, ctx.services, id, Trigger::Api).await?;
    tx.audit(audit::row(ctx.services, ctx.actor, "sync.resync_requested", id, json!({ "cancelled": cancelled })))
        .await?;
    let sync = tx.syncs().find(id).await?;
    tx.commit().await?;
    Ok(sync)
}

/// Breaks off the run that is under way, and what waits to run; without either nothing happens. What was committed stays,
/// and the next run, by the schedule, goes on there; where this one was to find out what is gone, the next one begins anew.
///
/// # Errors
/// [`ControlError`].
pub async fn cancel(ctx: Ctx<'_>, id: SyncId) -> Result<SyncRow, ControlError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    tx.syncs().lock(id).await?;
    if let Some(run) = break_off(&mut tx, ctx, id).await? {
        tx.audit(audit::row(ctx.services, ctx.actor, "sync.cancelled", id, json!({ "run": run }))).await?;
    }
    let sync = tx.syncs().find(id).await?;
    tx.commit().await?;
    Ok(sync)
}

/// With the sync locked: its worker finds the run ended at its next page, and writes nothing any more.
pub(super) async fn break_off(tx: &mut Tx<Scope>, ctx: Ctx<'_>, id: SyncId) -> Result<Option<RunId>, StoreError> {
    tx.jobs().take_all_back(QUEUE, &id.to_string()).await?;
    tx.runs().cancel(id, ctx.services.now()).await
}

async fn can_run(tx: &mut Tx<Scope>, sync: &SyncRow) -> Result<(), ControlError> {
    if sync.paused_at.is_some() {
        return Err(ControlError::Paused);
    }
    match tx.connections().context(sync.connection).await?.connection.health {
        Health::Active => Ok(()),
        Health::NeedsReauth(cause) => Err(ControlError::NeedsReauth { reason: cause.reason() }),
        other => Err(ControlError::NotConnected { state: other.as_str() }),
    }
}

/// Begins no run any more until it is resumed. One that is under way goes on to its end, unless it has to be tried again.
///
/// # Errors
/// [`ControlError`].
pub async fn pause(ctx: Ctx<'_>, id: SyncId) -> Result<SyncRow, ControlError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let sync = tx.syncs().find(id).await?;
    if sync.paused_at.is_none() {
        tx.syncs().set_paused(id, Some(ctx.services.now())).await?;
        tx.audit(audit::row(ctx.services, ctx.actor, "sync.paused", id, json!({}))).await?;
    }
    let sync = tx.syncs().find(id).await?;
    tx.commit().await?;
    Ok(sync)
}

/// Lets a paused sync go on: at once if it was due meanwhile, or if a run had been broken off.
///
/// # Errors
/// [`ControlError`].
pub async fn resume(ctx: Ctx<'_>, id: SyncId) -> Result<SyncRow, ControlError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let sync = tx.syncs().find(id).await?;
    if sync.paused_at.is_some() {
        tx.syncs().set_paused(id, None).await?;
        let is_broken_off = sync.last_run.is_some_and(|run| run.finished_at.is_none());
        if is_broken_off || sync.next_run_at <= ctx.services.now() {
            enqueue_now(&mut tx, ctx.services, id, Trigger::Api).await?;
        }
        tx.audit(audit::row(ctx.services, ctx.actor, "sync.resumed", id, json!({}))).await?;
    }
    let sync = tx.syncs().find(id).await?;
    tx.commit().await?;
    Ok(sync)
}
