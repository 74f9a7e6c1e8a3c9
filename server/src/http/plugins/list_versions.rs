//! `GET /v1/plugins/{plugin}/versions`

use actix_web::web;
use api_types::{Page, plugin::PluginVersion};
use flows::plugin;

use super::super::{
    extract::{self, Paging, Query},
    principal::{Caller, PluginsRead},
    problem::Fail,
};

/// Lists the versions of a plugin, the newest first, withdrawn ones too. The cursor is a version.
#[utoipa::path(get, path = "/v1/plugins/{plugin}/versions", tag = "Plugins",
    params(("plugin" = String, Path, description = "The provider's slug."), Paging),
    responses((status = 200, body = Page<PluginVersion>)), security(("api_key" = ["plugins:read"])))]
pub async fn list_plugin_versions(
    caller: Caller<PluginsRead>,
    path: web::Path<String>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<PluginVersion>>, Fail> {
    let limit = paging.limit()?;
    let after: Option<String> = paging.after()?;
    let found = plugin::versions(caller.whole()?, &path, after.as_deref(), limit).await?;
    let shown = found.iter().map(|(row, is_pinned)| super::show(row, *is_pinned)).collect();
    Ok(extract::page(shown, limit, |version| version.version.clone()))
}
