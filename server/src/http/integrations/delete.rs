//! `DELETE /v1/integrations/{integration}`

use actix_web::{HttpResponse, web};
use flows::integration;

use super::super::{
    principal::{Caller, IntegrationsWrite},
    problem::Fail,
};

/// Removes an integration that has no connections.
#[utoipa::path(delete, path = "/v1/integrations/{integration}", tag = "Integrations",
    params(("integration" = String, Path, description = "Id or slug.")),
    responses((status = 204)), security(("api_key" = ["integrations:write"])))]
pub async fn delete_integration(
    caller: Caller<IntegrationsWrite>,
    path: web::Path<String>,
) -> Result<HttpResponse, Fail> {
    integration::delete(caller.ctx(), &path).await?;
    Ok(HttpResponse::NoContent().finish())
}
