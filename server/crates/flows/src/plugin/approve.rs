//! Agreeing to what a version asks for.

use serde_json::json;
use store::PluginVersionRow;

use super::VersionError;
use crate::{Ctx, audit};

/// Agrees to what a version asks for, so that it can be pinned. Of one that asks for nothing, or was agreed to, nothing
/// changes. Gives it, with whether it is in force.
///
/// # Errors
/// [`VersionError`].
pub async fn approve(ctx: Ctx<'_>, slug: &str, version: &str) -> Result<(PluginVersionRow, bool), VersionError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    tx.plugin_versions().lock(slug).await?;
    let row = tx.plugin_versions().find(slug, version).await?;
    if row.withdrawn_at.is_some() {
        return Err(VersionError::Conflict(format!("Version {version} was withdrawn: push it under another number.")));
    }
    if row.needs_approval() && tx.plugin_versions().approve(row.id, &ctx.actor.to_string(), services.now()).await? {
        let detail = json!({ "version": version, "asks": row.asks });
        tx.audit(audit::row(services, ctx.actor, "plugin.approved", slug, detail)).await?;
    }
    let row = tx.plugin_versions().by_id(row.id).await?;
    let is_pinned = tx.plugin_versions().pinned(slug).await?.is_some_and(|pinned| pinned.id == row.id);
    tx.commit().await?;
    Ok((row, is_pinned))
}
