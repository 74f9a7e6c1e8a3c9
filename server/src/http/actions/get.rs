//! `GET /v1/action-runs/{action_run}`

use actix_web::web;
use api_types::action::ActionRun;
use flows::action;

use super::super::{
    extract,
    principal::{ActionsRead, Caller},
    problem::Fail,
};

/// One call of an action, with what came out of it as long as that is kept.
#[utoipa::path(get, path = "/v1/action-runs/{action_run}", tag = "Actions",
    params(("action_run" = String, Path, description = "The call's id.")),
    responses((status = 200, body = ActionRun)), security(("api_key" = ["actions:read"])))]
pub async fn get_action_run(
    caller: Caller<ActionsRead>,
    path: web::Path<String>,
) -> Result<web::Json<ActionRun>, Fail> {
    let (run, output) = action::find(caller.ctx(), extract::id(&path, "call of an action")?).await?;
    Ok(web::Json(super::show(run, output)))
}
