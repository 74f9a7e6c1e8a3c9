//! `GET /v1/runs`

use actix_web::web;
use api_types::{Page, sync::Run};
use flows::sync;
use ids::{ConnectionId, SyncId};
use serde::Deserialize;

use super::super::{
    extract::{self, Paging, Query},
    principal::{Caller, SyncsRead},
    problem::Fail,
};

/// Which runs.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Of this connection.
    connection: Option<ConnectionId>,
    /// Of this sync.
    sync: Option<SyncId>,
}

/// Lists runs, the latest first.
#[utoipa::path(get, path = "/v1/runs", tag = "Syncs", params(Filter, Paging),
    responses((status = 200, body = Page<Run>)), security(("api_key" = ["syncs:read"])))]
pub async fn list_runs(
    caller: Caller<SyncsRead>,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<Run>>, Fail> {
    let limit = paging.limit()?;
    let rows = sync::runs(caller.ctx(), filter.connection, filter.sync, paging.after()?, i64::from(limit) + 1).await?;
    let shown = rows.into_iter().map(super::show).collect();
    Ok(extract::page(shown, limit, |run| run.id))
}
