//! `GET /v1/providers`

use actix_web::web;
use api_types::{Page, integration::Provider};
use flows::provider;

use super::super::{
    extract::{self, Paging, Query},
    principal::{Caller, IntegrationsRead},
    problem::Fail,
};

/// Lists the providers that this environment may use, installed and described, by slug. The cursor is a slug.
#[utoipa::path(get, path = "/v1/providers", tag = "Providers", params(Paging),
    responses((status = 200, body = Page<Provider>)), security(("api_key" = ["integrations:read"])))]
pub async fn list_providers(
    caller: Caller<IntegrationsRead>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<Provider>>, Fail> {
    let limit = paging.limit()?;
    let after: Option<String> = paging.after()?;
    let found = provider::list(caller.ctx(), after.as_deref(), limit).await?;
    let shown = found.iter().map(|(provider, origin)| super::show(&provider.manifest, *origin)).collect();
    Ok(extract::page(shown, limit, |provider| provider.slug.clone()))
}
