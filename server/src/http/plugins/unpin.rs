//! `DELETE /v1/plugins/{plugin}/pin`

use actix_web::{HttpResponse, web};
use flows::plugin;

use super::super::{
    principal::{Caller, PluginsWrite},
    problem::Fail,
};

/// Puts no version in force any more. A described or an installed provider of that slug comes to light again; if there is
/// none, integrations that use it have to go first.
#[utoipa::path(delete, path = "/v1/plugins/{plugin}/pin", tag = "Plugins",
    params(("plugin" = String, Path, description = "The provider's slug.")),
    responses((status = 204)), security(("api_key" = ["plugins:write"])))]
pub async fn unpin_plugin(caller: Caller<PluginsWrite>, path: web::Path<String>) -> Result<HttpResponse, Fail> {
    plugin::unpin(caller.whole()?, &path).await?;
    Ok(HttpResponse::NoContent().finish())
}
