//! `GET /v1/integrations`

use actix_web::web;
use api_types::{Page, integration::Integration};
use flows::integration;

use super::super::{
    extract::{self, Paging, Query},
    principal::{Caller, IntegrationsRead},
    problem::Fail,
};

/// Lists the integrations of this environment, oldest first.
#[utoipa::path(get, path = "/v1/integrations", tag = "Integrations", params(Paging),
    responses((status = 200, body = Page<Integration>)), security(("api_key" = ["integrations:read"])))]
pub async fn list_integrations(
    caller: Caller<IntegrationsRead>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<Integration>>, Fail> {
    let limit = paging.limit()?;
    let views = integration::list(caller.ctx(), paging.after()?, limit).await?;
    let shown = views.into_iter().map(super::show).collect();
    Ok(extract::page(shown, limit, |integration| integration.id))
}
