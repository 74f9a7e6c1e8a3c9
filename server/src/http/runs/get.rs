//! `GET /v1/runs/{run}`

use actix_web::web;
use api_types::sync::Run;
use flows::sync;

use super::super::{
    extract,
    principal::{Caller, SyncsRead},
    problem::Fail,
};

/// One run, with what it did.
#[utoipa::path(get, path = "/v1/runs/{run}", tag = "Syncs", params(("run" = String, Path, description = "The run's id.")),
    responses((status = 200, body = Run)), security(("api_key" = ["syncs:read"])))]
pub async fn get_run(caller: Caller<SyncsRead>, path: web::Path<String>) -> Result<web::Json<Run>, Fail> {
    Ok(web::Json(super::show(sync::find_run(caller.ctx(), extract::id(&path, "run")?).await?)))
}
