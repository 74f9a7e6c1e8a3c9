//! Which version is in force: upgrade and rollback are a change of the pin.

use api_types::plugin::PluginAsk;
use domain::Scope;
use ids::PluginPinId;
use serde_json::json;
use store::{PluginPinRow, PluginVersionRow, StoreError, Tx};

use super::{VersionError, asks::in_words};
use crate::{Ctx, audit};

/// What is in force.
pub struct Pinned {
    /// The pin.
    pub pin: PluginPinRow,
    /// The version's number.
    pub version: String,
    /// The version that was in force until then.
    pub replaced: Option<String>,
}

/// Puts a version in force. `expected` names the version that is replaced, if the caller cares. To pin what is in force
/// changes nothing.
///
/// # Errors
/// [`VersionError`].
pub async fn pin(ctx: Ctx<'_>, slug: &str, version: &str, expected: Option<&str>) -> Result<Pinned, VersionError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    tx.plugin_versions().lock(slug).await?;
    let row = tx.plugin_versions().find(slug, version).await?;
    let current = tx.plugin_versions().pinned(slug).await?;
    let in_force = current.as_ref().map(|row| row.version.as_str());
    if expected.is_some() && expected != in_force {
        let in_force = in_force.map_or_else(|| "no version is".to_owned(), |version| format!("version {version} is"));
        return Err(VersionError::Conflict(format!("By now {in_force} in force. Look again and decide again.")));
    }
    put_in_force(ctx, tx, row, current, "plugin.pinned").await
}

/// Back to an earlier version: to the one named, which must have been in force once, else to the one that was in force
/// before the present one first was.
///
/// # Errors
/// [`VersionError`].
pub async fn rollback(ctx: Ctx<'_>, slug: &str, to: Option<&str>) -> Result<Pinned, VersionError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    tx.plugin_versions().lock(slug).await?;
    let history = tx.plugin_versions().pins(slug).await?;
    let Some(current) = tx.plugin_versions().pinned(slug).await? else {
        tx.plugin_versions().all(Some(slug)).await?.first().ok_or(VersionError::NotFound)?;
        return Err(VersionError::Conflict("No version is in force: pin one.".to_owned()));
    };
    let row = match to {
        Some(to) => {
            let row = tx.plugin_versions().find(slug, to).await?;
            if !history.iter().any(|pin| pin.version == row.id) {
                let words = format!("Version {to} was never in force here: pin it, if that is what you want.");
                return Err(VersionError::Conflict(words));
            }
            row
        }
        None => {
            let first = history.iter().position(|pin| pin.version == current.id).unwrap_or_default();
            let before = first.checked_sub(1).and_then(|place| history.get(place));
            let before = before.ok_or_else(|| {
                let words = format!(
                    "Version {} is the first that was in force: there is none to go back to. Unpin it, or pin another.",
                    current.version
                );
                VersionError::Conflict(words)
            })?;
            tx.plugin_versions().by_id(before.version).await?
        }
    };
    put_in_force(ctx, tx, row, Some(current), "plugin.rolled_back").await
}

/// Puts no version in force any more: what is described or installed under the slug comes to light again.
///
/// # Errors
/// [`VersionError`].
pub async fn unpin(ctx: Ctx<'_>, slug: &str) -> Result<(), VersionError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    tx.plugin_versions().lock(slug).await?;
    let Some(current) = tx.plugin_versions().pinned(slug).await? else { return Err(VersionError::NotFound) };
    let users = tx.provider_versions().used_by(slug).await?;
    if users > 0 && services.providers.unpinned(&mut tx, slug).await?.is_none() {
        return Err(VersionError::Conflict(format!(
            "{users} of your integrations use it, and no other provider `{slug}` is here. Delete those first."
        )));
    }
    tx.plugin_versions().end_pin(slug, services.now()).await?;
    let detail = json!({ "version": current.version });
    tx.audit(audit::row(services, ctx.actor, "plugin.unpinned", slug, detail)).await?;
    tx.commit().await?;
    Ok(())
}

async fn put_in_force(
    ctx: Ctx<'_>,
    mut tx: Tx<Scope>,
    row: PluginVersionRow,
    current: Option<PluginVersionRow>,
    action: &'static str,
) -> Result<Pinned, VersionError> {
    let services = ctx.services;
    let slug = row.slug.clone();
    if current.as_ref().is_some_and(|current| current.id == row.id) {
        let pin = tx.plugin_versions().pins(&slug).await?.pop().ok_or(StoreError::NotFound)?;
        tx.commit().await?;
        return Ok(Pinned { pin, version: row.version, replaced: None });
    }
    may_be_used(ctx, &mut tx, &row).await?;
    let pin = PluginPinRow {
        id: services.mint.id(PluginPinId::new),
        slug: slug.clone(),
        version: row.id,
        pinned_by: ctx.actor.to_string(),
        pinned_at: services.now(),
        ended_at: None,
    };
    tx.plugin_versions().pin(&pin).await?;
    let replaced = current.map(|current| current.version);
    let detail = json!({ "version": row.version, "replaced": replaced });
    tx.audit(audit::row(services, ctx.actor, action, &slug, detail)).await?;
    tx.commit().await?;
    Ok(Pinned { pin, version: row.version, replaced })
}

/// Whether nothing stands in the way of a version.
async fn may_be_used(ctx: Ctx<'_>, tx: &mut Tx<Scope>, row: &PluginVersionRow) -> Result<(), VersionError> {
    let (slug, version) = (&row.slug, &row.version);
    if row.withdrawn_at.is_some() {
        return Err(VersionError::Conflict(format!("Version {version} was withdrawn: push it under another number.")));
    }
    if row.needs_approval() {
        let asks: Vec<PluginAsk> = serde_json::from_value(row.asks.clone()).unwrap_or_default();
        let asks = asks.iter().map(in_words).collect::<Vec<_>>().join(", ");
        return Err(VersionError::Conflict(format!(
            "Version {version} asks for more than the version before: {asks}. If it may have that, approve it: POST /v1/plugins/{slug}/versions/{version}/approve"
        )));
    }
    let key = tx.plugin_keys().hold(&row.public_key).await?;
    let is_trusted = match key {
        Some(key) => key.revoked_at.is_none(),
        None => {
            let operators = &ctx.services.settings.plugin_keys;
            operators.iter().any(|key| key.as_bytes().as_slice() == row.public_key)
        }
    };
    if !is_trusted {
        return Err(VersionError::Conflict(format!(
            "The key that signed version {version} is not trusted any more: sign it with another, and push it under the next number."
        )));
    }
    Ok(())
}
