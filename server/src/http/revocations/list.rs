//! `GET /v1/revocations`

use actix_web::web;
use api_types::{
    Page,
    connection::{Revocation, RevocationState},
};
use domain::revocation::RevocationState as State;
use flows::connection;
use ids::{ConnectionId, RevocationRunId};
use serde::Deserialize;
use store::RevocationFilter;

use super::super::{
    extract::{self, Paging, Query},
    principal::{Caller, ConnectionsRead},
    problem::Fail,
};

/// Which revocations.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Of this connection, which may be gone.
    #[param(value_type = Option<String>)]
    connection: Option<ConnectionId>,
    /// Of this run over many.
    #[param(value_type = Option<String>)]
    run: Option<RevocationRunId>,
    /// In this state.
    state: Option<RevocationState>,
}

/// Lists what became of grants that were to be given back at their providers: on deletion, and on revocation. Stays when
/// the connection is gone. Newest connection first.
#[utoipa::path(get, path = "/v1/revocations", tag = "Connections", params(Filter, Paging),
    responses((status = 200, body = Page<Revocation>)), security(("api_key" = ["connections:read"])))]
pub async fn list_revocations(
    caller: Caller<ConnectionsRead>,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<Revocation>>, Fail> {
    let limit = paging.limit()?;
    let state = filter.state.map(|state| match state {
        RevocationState::Pending => State::Pending,
        RevocationState::Revoked => State::Revoked,
        RevocationState::Unsupported => State::Unsupported,
        RevocationState::Nothing => State::Nothing,
        RevocationState::Failed => State::Failed,
    });
    let filter = RevocationFilter { run: filter.run, connection: filter.connection, state };
    let rows = connection::revocations(caller.ctx(), filter, paging.after()?, limit).await?;
    let shown = rows.into_iter().map(super::show).collect();
    Ok(extract::page(shown, limit, |one| one.connection_id))
}
