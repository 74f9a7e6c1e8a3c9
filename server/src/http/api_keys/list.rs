//! `GET /v1/api-keys`

use actix_web::web;
use api_types::{Page, operator::ApiKey};
use flows::tenant::keys;

use super::super::{
    extract::{self, Paging, Query},
    principal::{Caller, KeysRead},
    problem::Fail,
    show,
};

/// Lists the API keys of this environment, oldest first, revoked ones too.
#[utoipa::path(get, path = "/v1/api-keys", tag = "API keys", params(Paging),
    responses((status = 200, body = Page<ApiKey>)), security(("api_key" = ["keys:read"])))]
pub async fn list_api_keys(
    caller: Caller<KeysRead>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<ApiKey>>, Fail> {
    let limit = paging.limit()?;
    let rows = keys::list(caller.ctx(), paging.after()?, limit).await?;
    let shown = rows.into_iter().map(show::api_key).collect();
    Ok(extract::page(shown, limit, |key| key.id))
}
