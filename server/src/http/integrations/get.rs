//! `GET /v1/integrations/{integration}`

use actix_web::web;
use api_types::integration::Integration;
use flows::integration;

use super::super::{
    principal::{Caller, IntegrationsRead},
    problem::Fail,
};

/// One integration.
#[utoipa::path(get, path = "/v1/integrations/{integration}", tag = "Integrations",
    params(("integration" = String, Path, description = "Id or slug.")),
    responses((status = 200, body = Integration)), security(("api_key" = ["integrations:read"])))]
pub async fn get_integration(
    caller: Caller<IntegrationsRead>,
    path: web::Path<String>,
) -> Result<web::Json<Integration>, Fail> {
    Ok(web::Json(super::show(integration::get(caller.ctx(), &path).await?)))
}
