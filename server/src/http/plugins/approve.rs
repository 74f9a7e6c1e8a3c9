//! `POST /v1/plugins/{plugin}/versions/{version}/approve`

use actix_web::web;
use api_types::plugin::PluginVersion;
use flows::plugin;

use super::super::{
    principal::{Caller, IntegrationsWrite},
    problem::Fail,
};

/// Agrees to what a version asks for beyond the one before, so that it can be pinned. It takes the scope with which
/// integrations are configured: a key that pushes does not agree to what it pushed.
#[utoipa::path(post, path = "/v1/plugins/{plugin}/versions/{version}/approve", tag = "Plugins",
    params(("plugin" = String, Path, description = "The provider's slug."),
        ("version" = String, Path, description = "The version's number.")),
    responses((status = 200, body = PluginVersion)), security(("api_key" = ["integrations:write"])))]
pub async fn approve_plugin_version(
    caller: Caller<IntegrationsWrite>,
    path: web::Path<(String, String)>,
) -> Result<web::Json<PluginVersion>, Fail> {
    let (row, is_pinned) = plugin::approve(caller.whole()?, &path.0, &path.1).await?;
    Ok(web::Json(super::show(&row, is_pinned)))
}
