//! `POST /v1/plugin-keys/{plugin_key}/revoke`

use actix_web::web;
use api_types::plugin::{PinnedVersion, RevokedPluginKey};
use flows::plugin;

use super::super::{
    extract,
    principal::{Caller, KeysWrite},
    problem::Fail,
};

/// Revokes a key: what it signed is neither taken nor pinned from then on. Versions that are in force stay so, since no run is
/// dropped; the answer names them, so that you can pin others.
#[utoipa::path(post, path = "/v1/plugin-keys/{plugin_key}/revoke", tag = "Plugins",
    params(("plugin_key" = String, Path, description = "The key's id.")),
    responses((status = 200, body = RevokedPluginKey)), security(("api_key" = ["keys:write"])))]
pub async fn revoke_plugin_key(
    caller: Caller<KeysWrite>,
    path: web::Path<String>,
) -> Result<web::Json<RevokedPluginKey>, Fail> {
    let revoked = plugin::revoke_key(caller.whole()?, extract::id(&path, "key")?).await?;
    let pinned = revoked.still_pinned.into_iter();
    Ok(web::Json(RevokedPluginKey {
        key: super::key(revoked.key),
        still_pinned: pinned.map(|row| PinnedVersion { plugin: row.slug, version: row.version }).collect(),
    }))
}
