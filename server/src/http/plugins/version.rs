//! `GET /v1/plugins/{plugin}/versions/{version}`

use actix_web::web;
use api_types::plugin::PluginVersion;
use flows::plugin;

use super::super::{
    principal::{Caller, PluginsRead},
    problem::Fail,
};

/// One version of a plugin, with its manifest.
#[utoipa::path(get, path = "/v1/plugins/{plugin}/versions/{version}", tag = "Plugins",
    params(("plugin" = String, Path, description = "The provider's slug."),
        ("version" = String, Path, description = "The version's number.")),
    responses((status = 200, body = PluginVersion)), security(("api_key" = ["plugins:read"])))]
pub async fn get_plugin_version(
    caller: Caller<PluginsRead>,
    path: web::Path<(String, String)>,
) -> Result<web::Json<PluginVersion>, Fail> {
    let (row, is_pinned) = plugin::get(caller.whole()?, &path.0, &path.1).await?;
    Ok(web::Json(PluginVersion { manifest: Some(row.manifest.clone()), ..super::show(&row, is_pinned) }))
}
