//! `DELETE /v1/plugins/{plugin}/versions/{version}`

use actix_web::{HttpResponse, web};
use flows::plugin;

use super::super::{
    principal::{Caller, PluginsWrite},
    problem::Fail,
};

/// Withdraws a version that nothing uses: its component is removed, its number stays taken.
#[utoipa::path(delete, path = "/v1/plugins/{plugin}/versions/{version}", tag = "Plugins",
    params(("plugin" = String, Path, description = "The provider's slug."),
        ("version" = String, Path, description = "The version's number.")),
    responses((status = 204)), security(("api_key" = ["plugins:write"])))]
pub async fn withdraw_plugin_version(
    caller: Caller<PluginsWrite>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Fail> {
    plugin::withdraw(caller.whole()?, &path.0, &path.1).await?;
    Ok(HttpResponse::NoContent().finish())
}
