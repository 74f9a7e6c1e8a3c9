//! `POST /v1/endpoints/{endpoint}/test`

use actix_web::{HttpResponse, web};
use api_types::event::Delivery;
use flows::endpoint;

use super::super::{
    deliveries, extract,
    principal::{Caller, EventsWrite},
    problem::Fail,
};

/// Sends an endpoint an event of the kind `endpoint.test`. Follow the delivery to see what came of it.
#[utoipa::path(post, path = "/v1/endpoints/{endpoint}/test", tag = "Events",
    params(("endpoint" = String, Path, description = "The endpoint's id.")),
    responses((status = 202, body = Delivery)), security(("api_key" = ["events:write"])))]
pub async fn test_endpoint(caller: Caller<EventsWrite>, path: web::Path<String>) -> Result<HttpResponse, Fail> {
    let row = endpoint::test(caller.ctx(), extract::id(&path, "endpoint")?).await?;
    Ok(HttpResponse::Accepted().json(deliveries::show(row)?))
}
