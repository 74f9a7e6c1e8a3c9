//! `GET /v1/connections/{connection}/actions`

use actix_web::web;
use api_types::{Page, action::Action};
use flows::action;

use super::super::{
    extract,
    principal::{ActionsRead, Caller},
    problem::Fail,
};

/// What can be done on a connection's account, with the schemas of what goes in and comes out. All of it: there are few.
#[utoipa::path(get, path = "/v1/connections/{connection}/actions", tag = "Actions",
    params(("connection" = String, Path, description = "The connection's id.")),
    responses((status = 200, body = Page<Action>)), security(("api_key" = ["actions:read"])))]
pub async fn list_actions(
    caller: Caller<ActionsRead>,
    path: web::Path<String>,
) -> Result<web::Json<Page<Action>>, Fail> {
    let specs = action::actions(caller.ctx(), extract::id(&path, "connection")?).await?;
    Ok(web::Json(Page { data: specs.into_iter().map(super::describe).collect(), next_cursor: None }))
}
