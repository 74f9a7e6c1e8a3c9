//! Removing a described provider.

use serde_json::json;

use super::ProviderError;
use crate::{Ctx, audit};

/// Removes all versions of a described provider. An installed one of the same name comes to light again, so one that is
/// in use may be removed only if there is one.
///
/// # Errors
/// [`ProviderError`].
pub async fn delete(ctx: Ctx<'_>, slug: &str) -> Result<(), ProviderError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let users = tx.provider_versions().used_by(slug).await?;
    let is_pushed = tx.plugin_versions().pinned(slug).await?.is_some();
    if users > 0 && !is_pushed && services.providers.installed(slug).is_none() {
        return Err(ProviderError::InUse(users));
    }
    if tx.provider_versions().delete(slug).await? == 0 {
        return Err(ProviderError::NotFound);
    }
    tx.audit(audit::row(services, ctx.actor, "provider.removed", slug, json!({}))).await?;
    tx.commit().await?;
    Ok(())
}
