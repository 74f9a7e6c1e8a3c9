//! Withdrawing a version: its component goes, its number stays taken.

use serde_json::json;

use super::VersionError;
use crate::{Ctx, audit};

/// Removes the component of a version that nothing uses. Of one that is gone already nothing changes.
///
/// # Errors
/// [`VersionError`].
pub async fn withdraw(ctx: Ctx<'_>, slug: &str, version: &str) -> Result<(), VersionError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    tx.plugin_versions().lock(slug).await?;
    let row = tx.plugin_versions().find(slug, version).await?;
    if row.withdrawn_at.is_some() {
        return Ok(tx.commit().await?);
    }
    if tx.plugin_versions().pinned(slug).await?.is_some_and(|pinned| pinned.id == row.id) {
        return Err(VersionError::Conflict(format!(
            "Version {version} is in force: pin another, or unpin it, before."
        )));
    }
    if tx.plugin_versions().runs_under_way(row.id).await? > 0 {
        return Err(VersionError::Conflict(format!(
            "Runs that began with version {version} are under way: wait for their end, or cancel them."
        )));
    }
    tx.plugin_versions().withdraw(row.id, services.now()).await?;
    let detail = json!({ "version": version });
    tx.audit(audit::row(services, ctx.actor, "plugin.withdrawn", slug, detail)).await?;
    tx.commit().await?;
    Ok(())
}
