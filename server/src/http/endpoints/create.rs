//! `POST /v1/endpoints`

use actix_web::HttpResponse;
use api_types::event::{CreateEndpoint, CreatedEndpoint};
use flows::endpoint;

use super::super::{
    extract::Json,
    principal::{Caller, EventsWrite},
    problem::Fail,
};

/// Adds an endpoint. Its signing secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/v1/endpoints", tag = "Events", request_body = CreateEndpoint,
    responses((status = 201, body = CreatedEndpoint)), security(("api_key" = ["events:write"])))]
pub async fn create_endpoint(
    caller: Caller<EventsWrite>,
    Json(body): Json<CreateEndpoint>,
) -> Result<HttpResponse, Fail> {
    let created = endpoint::create(caller.ctx(), body).await?;
    let secret = created.secret.expose().to_owned();
    let shown = CreatedEndpoint { endpoint: super::show(created.endpoint), secret };
    Ok(HttpResponse::Created().insert_header(("cache-control", "no-store")).json(shown))
}
