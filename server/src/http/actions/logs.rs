//! `GET /v1/action-runs/{action_run}/logs`

use actix_web::web;
use api_types::{Page, sync::RunLogLine};
use flows::action;

use super::super::{
    extract::{self, Paging, Query},
    principal::{ActionsRead, Caller},
    problem::Fail,
    runs,
};

/// Lists what plugin and host wrote about a call of an action, from its beginning. The cursor is a line number.
#[utoipa::path(get, path = "/v1/action-runs/{action_run}/logs", tag = "Actions",
    params(("action_run" = String, Path, description = "The call's id."), Paging),
    responses((status = 200, body = Page<RunLogLine>)), security(("api_key" = ["actions:read"])))]
pub async fn list_action_run_logs(
    caller: Caller<ActionsRead>,
    path: web::Path<String>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<RunLogLine>>, Fail> {
    let limit = paging.limit()?;
    let id = extract::id(&path, "call of an action")?;
    let after: Option<u32> = paging.after()?;
    let rows = action::lines(caller.ctx(), id, after.unwrap_or(0), i64::from(limit) + 1).await?;
    let shown = rows.into_iter().map(runs::logs::show).collect();
    Ok(extract::page(shown, limit, |line| line.line))
}
