//! `GET /v1/runs/{run}/logs`

use actix_web::web;
use api_types::{Page, sync::RunLogLine};
use flows::sync;
use store::LogRow;

use super::super::{
    extract::{self, Paging, Query},
    principal::{Caller, SyncsRead},
    problem::Fail,
};

/// Lists what plugin and host wrote about a run, from its beginning. The cursor is a line number.
#[utoipa::path(get, path = "/v1/runs/{run}/logs", tag = "Syncs",
    params(("run" = String, Path, description = "The run's id."), Paging),
    responses((status = 200, body = Page<RunLogLine>)), security(("api_key" = ["syncs:read"])))]
pub async fn list_run_logs(
    caller: Caller<SyncsRead>,
    path: web::Path<String>,
    Query(paging): Query<Paging>,
) -> Result<web::Json<Page<RunLogLine>>, Fail> {
    let limit = paging.limit()?;
    let id = extract::id(&path, "run")?;
    let after: Option<u32> = paging.after()?;
    let rows = sync::run_lines(caller.ctx(), id, after.unwrap_or(0), i64::from(limit) + 1).await?;
    let shown = rows.into_iter().map(show).collect();
    Ok(extract::page(shown, limit, |line| line.line))
}

/// A line as it is shown, of a run's log and of a call's alike.
pub(in super::super) fn show(row: LogRow) -> RunLogLine {
    RunLogLine { line: row.line, level: row.level.as_str().to_owned(), message: row.message, at: row.at }
}
