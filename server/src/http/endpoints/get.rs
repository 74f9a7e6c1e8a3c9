//! `GET /v1/endpoints/{endpoint}`

use actix_web::web;
use api_types::event::Endpoint;
use flows::endpoint;

use super::super::{
    extract,
    principal::{Caller, EventsRead},
    problem::Fail,
};

/// One endpoint.
#[utoipa::path(get, path = "/v1/endpoints/{endpoint}", tag = "Events",
    params(("endpoint" = String, Path, description = "The endpoint's id.")),
    responses((status = 200, body = Endpoint)), security(("api_key" = ["events:read"])))]
pub async fn get_endpoint(caller: Caller<EventsRead>, path: web::Path<String>) -> Result<web::Json<Endpoint>, Fail> {
    Ok(web::Json(super::show(endpoint::find(caller.ctx(), extract::id(&path, "endpoint")?).await?)))
}
