//! `POST /v1/plugins/{plugin}/rollback`

use actix_web::web;
use api_types::plugin::{PluginPin, RollbackPlugin};
use flows::plugin;

use super::super::{
    extract::Json,
    principal::{Caller, PluginsWrite},
    problem::Fail,
};

/// Puts an earlier version in force again: the one named, or the one that was in force before the present one first was.
/// Like an upgrade it drops no run.
#[utoipa::path(post, path = "/v1/plugins/{plugin}/rollback", tag = "Plugins", request_body = RollbackPlugin,
    params(("plugin" = String, Path, description = "The provider's slug.")),
    responses((status = 200, body = PluginPin)), security(("api_key" = ["plugins:write"])))]
pub async fn rollback_plugin(
    caller: Caller<PluginsWrite>,
    path: web::Path<String>,
    Json(body): Json<RollbackPlugin>,
) -> Result<web::Json<PluginPin>, Fail> {
    let pin = plugin::rollback(caller.whole()?, &path, body.to.as_deref()).await?;
    Ok(web::Json(super::pinned(pin)))
}
