//! `GET /v1/connections`

use actix_web::web;
use api_types::{
    Page,
    connection::{Connection, HealthState},
};
use flows::connection;
use serde::Deserialize;

use super::super::{
    extract::{self, Paging, Query},
    principal::{Caller, ConnectionsRead},
    problem::Fail,
};

/// Which connections.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Of this integration, by id or slug.
    integration: Option<String>,
    /// Of this end user, by your own id.
    end_user: Option<String>,
    /// In this state.
    health: Option<HealthState>,
    /// That bear this tag, written `name=value`.
    tag: Option<String>,
}

/// Lists the connections of this environment, newest first.
#[utoipa::path(get, path = "/v1/connections", tag = "Connections", params(Filter, Paging),
    responses((status = 200, body = Page<Connection>)), security(("api_key" = ["connections:read"])))]
pub async fn list_connections(
    caller: Caller<ConnectionsRead>,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<Connection>>, Fail> {
    let limit = paging.limit()?;
    let filter = super::filter(filter.integration, filter.end_user, filter.health, filter.tag.as_deref(), "tag")?;
    let views = connection::list(caller.ctx(), filter, paging.after()?, limit).await?;
    let shown = views.into_iter().map(super::show).collect();
    Ok(extract::page(shown, limit, |connection| connection.id))
}
