//! `GET /v1/syncs`

use actix_web::web;
use api_types::{Page, sync::Sync};
use flows::sync;
use ids::ConnectionId;
use serde::Deserialize;

use super::super::{
    extract::{self, Paging, Query},
    principal::{Caller, SyncsRead},
    problem::Fail,
};

/// Which syncs.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Of this connection.
    connection: Option<ConnectionId>,
}

/// Lists syncs with the latest run of each.
#[utoipa::path(get, path = "/v1/syncs", tag = "Syncs", params(Filter, Paging),
    responses((status = 200, body = Page<Sync>)), security(("api_key" = ["syncs:read"])))]
pub async fn list_syncs(
    caller: Caller<SyncsRead>,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<Sync>>, Fail> {
    let limit = paging.limit()?;
    let rows = sync::list(caller.ctx(), filter.connection, paging.after()?, i64::from(limit) + 1).await?;
    let shown = rows.into_iter().map(super::show).collect();
    Ok(extract::page(shown, limit, |sync| sync.id))
}
