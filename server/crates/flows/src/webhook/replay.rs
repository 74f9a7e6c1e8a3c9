//! Tells an endpoint once more.

use ids::DeliveryId;
use serde_json::json;
use store::{DeliveryRow, StoreError};

use super::enqueue;
use crate::{Ctx, audit};

/// Why a delivery is not replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// No such delivery here.
    #[error("there is no such delivery")]
    NotFound,
    /// The endpoint is told nothing any more.
    #[error("the endpoint is disabled: {reason}")]
    Disabled {
        /// Why.
        reason: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ReplayError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

/// Begins a delivery anew, whatever came of it before: the same event under the same id, due now, with the full
/// schedule of retries ahead. One that is pending is tried now.
///
/// # Errors
/// [`ReplayError`].
pub async fn replay(ctx: Ctx<'_>, id: DeliveryId) -> Result<DeliveryRow, ReplayError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let delivery = tx.deliveries().find(id).await?;
    let endpoint = tx.endpoints().find(delivery.endpoint).await?;
    if endpoint.disabled_at.is_some() {
        return Err(ReplayError::Disabled { reason: endpoint.disabled_reason.unwrap_or_default() });
    }
    tx.deliveries().begin_again(id, services.now()).await?;
    enqueue(&mut tx, services, id, delivery.endpoint, delivery.connection).await?;
    tx.audit(audit::row(services, ctx.actor, "delivery.replayed", id, json!({ "event": delivery.event }))).await?;
    let delivery = tx.deliveries().find(id).await?;
    tx.commit().await?;
    Ok(delivery)
}
