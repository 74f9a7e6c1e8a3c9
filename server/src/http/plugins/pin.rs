//! `PUT /v1/plugins/{plugin}/pin`

use actix_web::web;
use api_types::plugin::{PinPlugin, PluginPin};
use flows::plugin;

use super::super::{
    extract::Json,
    principal::{Caller, PluginsWrite},
    problem::Fail,
};

/// Puts a version in force in this environment. It stands before a described and an installed provider of that slug. What
/// begins from now on uses it, on every node; a run under way ends on the version that it began with.
#[utoipa::path(put, path = "/v1/plugins/{plugin}/pin", tag = "Plugins", request_body = PinPlugin,
    params(("plugin" = String, Path, description = "The provider's slug.")),
    responses((status = 200, body = PluginPin)), security(("api_key" = ["plugins:write"])))]
pub async fn pin_plugin(
    caller: Caller<PluginsWrite>,
    path: web::Path<String>,
    Json(body): Json<PinPlugin>,
) -> Result<web::Json<PluginPin>, Fail> {
    let pin = plugin::pin(caller.whole()?, &path, &body.version, body.expected_version.as_deref()).await?;
    Ok(web::Json(super::pinned(pin)))
}
