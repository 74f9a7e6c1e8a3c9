//! Deliveries and their tries, for people who look after them.

use domain::run::DeliveryState;
use ids::{DeliveryAttemptId, DeliveryId, EndpointId};
use store::{DeliveryAttemptRow, DeliveryRow, StoreError};

use crate::Ctx;

/// Deliveries, the latest first, of one endpoint or state or of all, before one of them.
///
/// # Errors
/// The query failed.
pub async fn list(
    ctx: Ctx<'_>,
    endpoint: Option<EndpointId>,
    state: Option<DeliveryState>,
    before: Option<DeliveryId>,
    limit: i64,
) -> Result<Vec<DeliveryRow>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let rows = tx.deliveries().list(endpoint, state, before, limit).await?;
    tx.commit().await?;
    Ok(rows)
}

/// Tries of a delivery, the latest first, before one of them.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such delivery here.
pub async fn attempts(
    ctx: Ctx<'_>,
    id: DeliveryId,
    before: Option<DeliveryAttemptId>,
    limit: i64,
) -> Result<Vec<DeliveryAttemptRow>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    tx.deliveries().find(id).await?;
    let rows = tx.deliveries().attempts(id, before, limit).await?;
    tx.commit().await?;
    Ok(rows)
}
