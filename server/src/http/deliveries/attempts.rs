//! `GET /v1/deliveries/{delivery}/attempts`

use actix_web::web;
use api_types::{Page, event::DeliveryAttempt};
use flows::webhook;

use super::super::{
    extract::{self, Paging, Query},
    principal::{Caller, EventsRead},
    problem::Fail,
};

/// Lists the tries of a delivery, the latest first.
#[utoipa::path(get, path = "/v1/deliveries/{delivery}/attempts", tag = "Events",
    params(("delivery" = String, Path, description = "The delivery's id."), Paging),
    responses((status = 200, body = Page<DeliveryAttempt>)), security(("api_key" = ["events:read"])))]
pub async fn list_delivery_attempts(
    caller: Caller<EventsRead>,
    path: web::Path<String>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<DeliveryAttempt>>, Fail> {
    let limit = paging.limit()?;
    let id = extract::id(&path, "delivery")?;
    let rows = webhook::attempts(caller.ctx(), id, paging.after()?, i64::from(limit) + 1).await?;
    let show = |row: store::DeliveryAttemptRow| DeliveryAttempt {
        id: row.id,
        at: row.at,
        status: row.status,
        elapsed_ms: row.elapsed_ms,
        error: row.error,
        response: row.response,
    };
    let shown = rows.into_iter().map(show).collect();
    Ok(extract::page(shown, limit, |attempt| attempt.id))
}
