//! Removing an integration.

use serde_json::json;
use store::StoreError;

use super::{IntegrationError, get::find};
use crate::{Ctx, audit};

/// Removes the integration of that id or slug, which must have no connections: those are deleted one by one, so that
/// each grant is revoked.
///
/// # Errors
/// [`IntegrationError`].
pub async fn delete(ctx: Ctx<'_>, name: &str) -> Result<(), IntegrationError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let row = find(&mut tx, name).await?;
    match tx.integrations().delete(row.id).await {
        // One was connected at this very moment.
        Ok(false) | Err(StoreError::Conflict { .. }) => return Err(IntegrationError::InUse),
        done => done?,
    };
    let detail = json!({ "slug": row.slug, "provider": row.provider });
    tx.audit(audit::row(services, ctx.actor, "integration.deleted", row.id, detail)).await?;
    tx.commit().await?;
    Ok(())
}
