//! The keys whose signatures an environment trusts on plugins: its own, and those that the operator trusts for all.

use ids::PluginKeyId;
use serde_json::json;
use store::{PluginKeyRow, PluginVersionRow, StoreError};

use super::signature::{KeyError, PublicKey};
use crate::{Ctx, audit};

/// Why a key is not registered or revoked.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The name is not what it must be.
    #[error("must be 1 to 200 printable characters")]
    Name,
    /// The public key is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It is registered already.
    #[error("the key is registered already, as `{name}`{}", more(.is_revoked))]
    Known {
        /// As what.
        name: String,
        /// Whether it is revoked.
        is_revoked: bool,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const fn more(is_revoked: &bool) -> &'static str {
    if *is_revoked { ", and revoked: make another with `patchbay plugin keygen`" } else { "" }
}

/// What came of a revocation.
pub struct Revoked {
    /// The key.
    pub key: PluginKeyRow,
    /// Versions that it signed and that are in force.
    pub still_pinned: Vec<PluginVersionRow>,
}

/// Trusts a key from now on.
///
/// # Errors
/// [`KeysError`].
pub async fn register(ctx: Ctx<'_>, name: &str, public_key: &str) -> Result<PluginKeyRow, KeysError> {
    if name.trim().is_empty() || name.chars().count() > 200 || name.contains(char::is_control) {
        return Err(KeysError::Name);
    }
    let public: PublicKey = public_key.parse()?;
    let services = ctx.services;
    let row = PluginKeyRow {
        id: services.mint.id(PluginKeyId::new),
        name: name.trim().to_owned(),
        public_key: public.as_bytes().to_vec(),
        created_by: ctx.actor.to_string(),
        created_at: services.now(),
        revoked_by: None,
        revoked_at: None,
    };
    let mut tx = services.store.begin(ctx.scope).await?;
    if let Some(known) = tx.plugin_keys().hold(&row.public_key).await? {
        return Err(KeysError::Known { name: known.name, is_revoked: known.revoked_at.is_some() });
    }
    match tx.plugin_keys().insert(&row).await {
        // Somebody was faster by a moment.
        Err(StoreError::Conflict { .. }) => return Err(KeysError::Known { name: row.name, is_revoked: false }),
        done => done?,
    }
    let detail = json!({ "name": row.name, "fingerprint": public.fingerprint() });
    tx.audit(audit::row(services, ctx.actor, "plugin_key.registered", row.id, detail)).await?;
    tx.commit().await?;
    Ok(row)
}

/// Keys in the order of their ids, after one of them, revoked ones too; one more than `limit` if there are more.
///
/// # Errors
/// The query failed.
pub async fn list(ctx: Ctx<'_>, after: Option<PluginKeyId>, limit: u32) -> Result<Vec<PluginKeyRow>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let rows = tx.plugin_keys().list(after, i64::from(limit) + 1).await?;
    tx.commit().await?;
    Ok(rows)
}

/// Trusts a key no more. What it signed and is in force stays so, which is said.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn revoke(ctx: Ctx<'_>, id: PluginKeyId) -> Result<Revoked, StoreError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let is_new = tx.plugin_keys().revoke(id, &ctx.actor.to_string(), services.now()).await?;
    let key = tx.plugin_keys().find(id).await?;
    let mut still_pinned = tx.plugin_versions().all_pinned().await?;
    still_pinned.retain(|row| row.public_key == key.public_key);
    if is_new {
        let pinned: Vec<_> = still_pinned.iter().map(|row| format!("{} {}", row.slug, row.version)).collect();
        let detail = json!({ "name": key.name, "still_pinned": pinned });
        tx.audit(audit::row(services, ctx.actor, "plugin_key.revoked", id, detail)).await?;
    }
    tx.commit().await?;
    Ok(Revoked { key, still_pinned })
}
