//! Looks at endpoints, tries one, removes one.

use api_types::event::EventKind;
use ids::EndpointId;
use serde_json::json;
use store::{DeliveryRow, EndpointRow, StoreError};

use crate::{Ctx, audit, event};

/// Endpoints in the order in which they were added, after one of them.
///
/// # Errors
/// The query failed.
pub async fn list(ctx: Ctx<'_>, after: Option<EndpointId>, limit: i64) -> Result<Vec<EndpointRow>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let rows = tx.endpoints().list(after, limit).await?;
    tx.commit().await?;
    Ok(rows)
}

/// The endpoint of that id.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn find(ctx: Ctx<'_>, id: EndpointId) -> Result<EndpointRow, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let row = tx.endpoints().find(id).await?;
    tx.commit().await?;
    Ok(row)
}

/// Removes it with its deliveries; what is on its way to it may still arrive.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn delete(ctx: Ctx<'_>, id: EndpointId) -> Result<(), StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    tx.endpoints().delete(id).await?;
    tx.audit(audit::row(ctx.services, ctx.actor, "endpoint.deleted", id, json!({}))).await?;
    tx.commit().await
}

/// Why an endpoint is not tried.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// No such endpoint here.
    #[error("there is no such endpoint")]
    NotFound,
    /// It is told nothing any more.
    #[error("the endpoint is disabled: {reason}")]
    Disabled {
        /// Why.
        reason: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for TestError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

/// Sends it, and no other, an event of the kind `endpoint.test`, whatever kinds it asked for.
///
/// # Errors
/// [`TestError`].
pub async fn test(ctx: Ctx<'_>, id: EndpointId) -> Result<DeliveryRow, TestError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let endpoint = tx.endpoints().find(id).await?;
    if endpoint.disabled_at.is_some() {
        return Err(TestError::Disabled { reason: endpoint.disabled_reason.unwrap_or_default() });
    }
    let data = json!({ "endpoint_id": id });
    let (_, deliveries) = event::emit_to(&mut tx, ctx.services, EventKind::EndpointTest, None, data, &[id]).await?;
    let delivery = match deliveries.first() {
        Some(delivery) => tx.deliveries().find(*delivery).await?,
        None => return Err(TestError::NotFound),
    };
    tx.commit().await?;
    Ok(delivery)
}
