//! What people do to syncs: run one now, stop it, let it go on.

use domain::{connection::Health, run::Trigger};
use ids::SyncId;
use serde_json::json;
use store::{StoreError, SyncRow};

use super::enqueue_now;
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
    if sync.paused_at.is_some() {
        return Err(ControlError::Paused);
    }
    match tx.connections().context(sync.connection).await?.connection.health {
        Health::Active => {}
        Health::NeedsReauth(cause) => return Err(ControlError::NeedsReauth { reason: cause.reason() }),
        other => return Err(ControlError::NotConnected { state: other.as_str() }),
    }
    enqueue_now(&mut tx, ctx.services, id, Trigger::Api).await?;
    tx.audit(audit::row(ctx.services, ctx.actor, "sync.triggered", id, json!({}))).await?;
    tx.commit().await?;
    Ok(sync)
}

/// Begins no run any more until it is resumed; a page that is being pulled is still ingested.
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
