//! `GET /v1/plugins`

use actix_web::web;
use api_types::{Page, plugin::Plugin};
use flows::plugin;

use super::super::{
    extract::{self, Paging, Query},
    principal::{Caller, PluginsRead},
    problem::Fail,
};

/// Lists the plugins that were pushed to this environment, by slug. The cursor is a slug.
#[utoipa::path(get, path = "/v1/plugins", tag = "Plugins", params(Paging),
    responses((status = 200, body = Page<Plugin>)), security(("api_key" = ["plugins:read"])))]
pub async fn list_plugins(
    caller: Caller<PluginsRead>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<Plugin>>, Fail> {
    let limit = paging.limit()?;
    let after: Option<String> = paging.after()?;
    let found = plugin::plugins(caller.whole()?, after.as_deref(), limit).await?;
    let shown = found.into_iter().map(|plugin| Plugin {
        slug: plugin.slug,
        pinned: plugin.pinned,
        newest: plugin.newest,
        versions: u32::try_from(plugin.versions).unwrap_or(u32::MAX),
    });
    Ok(extract::page(shown.collect(), limit, |plugin| plugin.slug.clone()))
}
