//! `GET /v1/action-runs`

use actix_web::web;
use api_types::{
    Page,
    action::{ActionRun, ActionRunState},
};
use domain::action::ActionState;
use flows::action;
use ids::ConnectionId;
use serde::Deserialize;
use store::ActionRunFilter;

use super::super::{
    extract::{self, Paging, Query},
    principal::{ActionsRead, Caller},
    problem::Fail,
};

/// Which calls.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// On this connection's account.
    connection: Option<ConnectionId>,
    /// Of this action.
    action: Option<String>,
    /// In this state.
    state: Option<ActionRunState>,
}

/// Lists calls of actions, the latest first, without what came out of them.
#[utoipa::path(get, path = "/v1/action-runs", tag = "Actions", params(Filter, Paging),
    responses((status = 200, body = Page<ActionRun>)), security(("api_key" = ["actions:read"])))]
pub async fn list_action_runs(
    caller: Caller<ActionsRead>,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<ActionRun>>, Fail> {
    let limit = paging.limit()?;
    let state = filter.state.map(|state| match state {
        ActionRunState::Accepted => ActionState::Accepted,
        ActionRunState::Running => ActionState::Running,
        ActionRunState::Succeeded => ActionState::Succeeded,
        ActionRunState::Failed => ActionState::Failed,
        ActionRunState::Unknown => ActionState::Unknown,
    });
    let filter = ActionRunFilter { connection: filter.connection, action: filter.action, state };
    let rows = action::runs(caller.ctx(), &filter, paging.after()?, i64::from(limit) + 1).await?;
    let shown = rows.into_iter().map(|row| super::show(row, None)).collect();
    Ok(extract::page(shown, limit, |run| run.id))
}
