//! `GET /v1/endpoints`

use actix_web::web;
use api_types::{Page, event::Endpoint};
use flows::endpoint;

use super::super::{
    extract::{self, Paging, Query},
    principal::{Caller, EventsRead},
    problem::Fail,
};

/// Lists the endpoints of this environment, oldest first.
#[utoipa::path(get, path = "/v1/endpoints", tag = "Events", params(Paging),
    responses((status = 200, body = Page<Endpoint>)), security(("api_key" = ["events:read"])))]
pub async fn list_endpoints(
    caller: Caller<EventsRead>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<Endpoint>>, Fail> {
    let limit = paging.limit()?;
    let rows = endpoint::list(caller.ctx(), paging.after()?, i64::from(limit) + 1).await?;
    let shown = rows.into_iter().map(super::show).collect();
    Ok(extract::page(shown, limit, |endpoint| endpoint.id))
}
