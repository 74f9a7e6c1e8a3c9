//! `POST /v1/deliveries/{delivery}/replay`

use actix_web::{HttpResponse, web};
use api_types::event::Delivery;
use flows::webhook;

use super::super::{
    extract,
    principal::{Caller, EventsWrite},
    problem::Fail,
};

/// Tells an endpoint once more: the same event under the same id, due now, with every retry ahead.
#[utoipa::path(post, path = "/v1/deliveries/{delivery}/replay", tag = "Events",
    params(("delivery" = String, Path, description = "The delivery's id.")),
    responses((status = 202, body = Delivery)), security(("api_key" = ["events:write"])))]
pub async fn replay_delivery(caller: Caller<EventsWrite>, path: web::Path<String>) -> Result<HttpResponse, Fail> {
    let row = webhook::replay(caller.ctx(), extract::id(&path, "delivery")?).await?;
    Ok(HttpResponse::Accepted().json(super::show(row)?))
}
