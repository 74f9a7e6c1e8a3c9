//! What was pushed, and where it stands.

use std::collections::BTreeMap;

use store::{PluginVersionRow, StoreError};

use super::{VersionError, version};
use crate::Ctx;

/// A plugin that was pushed.
pub struct Listed {
    /// The provider's slug.
    pub slug: String,
    /// The version in force.
    pub pinned: Option<String>,
    /// The highest version that is not withdrawn.
    pub newest: Option<String>,
    /// How many versions there are.
    pub versions: usize,
}

/// Plugins by slug, after one of them; one more than `limit` if there are more.
///
/// # Errors
/// The query failed.
pub async fn plugins(ctx: Ctx<'_>, after: Option<&str>, limit: u32) -> Result<Vec<Listed>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let pinned = tx.plugin_versions().all_pinned().await?;
    let rows = tx.plugin_versions().all(None).await?;
    tx.commit().await?;
    let mut by_slug: BTreeMap<String, Vec<PluginVersionRow>> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| after.is_none_or(|after| row.slug.as_str() > after)) {
        by_slug.entry(row.slug.clone()).or_default().push(row);
    }
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
    let listed = by_slug.into_iter().take(wanted).map(|(slug, mut rows)| {
        version::newest_first(&mut rows, |row| &row.version);
        Listed {
            pinned: pinned.iter().find(|row| row.slug == slug).map(|row| row.version.clone()),
            newest: rows.iter().find(|row| row.withdrawn_at.is_none()).map(|row| row.version.clone()),
            versions: rows.len(),
            slug,
        }
    });
    Ok(listed.collect())
}

/// The versions of a plugin, the newest first, after one of them, each with whether it is in force; one more than `limit`
/// if there are more.
///
/// # Errors
/// [`VersionError::NotFound`] if none was ever pushed.
pub async fn versions(
    ctx: Ctx<'_>,
    slug: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<(PluginVersionRow, bool)>, VersionError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let pinned = tx.plugin_versions().pinned(slug).await?.map(|row| row.id);
    let mut rows = tx.plugin_versions().all(Some(slug)).await?;
    tx.commit().await?;
    if rows.is_empty() {
        return Err(VersionError::NotFound);
    }
    version::newest_first(&mut rows, |row| &row.version);
    let place = after.and_then(|after| rows.iter().position(|row| row.version == after));
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
    let rest = rows.into_iter().skip(place.map_or(0, |place| place.saturating_add(1))).take(wanted);
    Ok(rest.map(|row| (pinned == Some(row.id), row)).map(|(is_pinned, row)| (row, is_pinned)).collect())
}

/// One version, with whether it is in force.
///
/// # Errors
/// [`VersionError::NotFound`].
pub async fn get(ctx: Ctx<'_>, slug: &str, version: &str) -> Result<(PluginVersionRow, bool), VersionError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let row = tx.plugin_versions().find(slug, version).await?;
    let pinned = tx.plugin_versions().pinned(slug).await?;
    tx.commit().await?;
    let is_pinned = pinned.is_some_and(|pinned| pinned.id == row.id);
    Ok((row, is_pinned))
}
