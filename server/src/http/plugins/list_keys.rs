//! `GET /v1/plugin-keys`

use actix_web::web;
use api_types::{Page, plugin::PluginKey};
use flows::plugin;

use super::super::{
    extract::{self, Paging, Query},
    principal::{Caller, KeysRead},
    problem::Fail,
};

/// Lists the keys whose signatures on plugins this environment trusts, oldest first, revoked ones too. Keys that the operator
/// trusts for all are not among them.
#[utoipa::path(get, path = "/v1/plugin-keys", tag = "Plugins", params(Paging),
    responses((status = 200, body = Page<PluginKey>)), security(("api_key" = ["keys:read"])))]
pub async fn list_plugin_keys(
    caller: Caller<KeysRead>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<PluginKey>>, Fail> {
    let limit = paging.limit()?;
    let rows = plugin::list_keys(caller.whole()?, paging.after()?, limit).await?;
    Ok(extract::page(rows.into_iter().map(super::key).collect(), limit, |key| key.id))
}
