//! `DELETE /v1/endpoints/{endpoint}`

use actix_web::{HttpResponse, web};
use flows::endpoint;

use super::super::{
    extract,
    principal::{Caller, EventsWrite},
    problem::Fail,
};

/// Removes an endpoint with its deliveries.
#[utoipa::path(delete, path = "/v1/endpoints/{endpoint}", tag = "Events",
    params(("endpoint" = String, Path, description = "The endpoint's id.")),
    responses((status = 204)), security(("api_key" = ["events:write"])))]
pub async fn delete_endpoint(caller: Caller<EventsWrite>, path: web::Path<String>) -> Result<HttpResponse, Fail> {
    endpoint::delete(caller.ctx(), extract::id(&path, "endpoint")?).await?;
    Ok(HttpResponse::NoContent().finish())
}
