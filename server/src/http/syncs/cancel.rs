//! `POST /v1/syncs/{sync}/cancel`

use actix_web::{HttpResponse, web};
use api_types::sync::Sync;
use flows::sync;

use super::super::{
    extract,
    principal::{Caller, SyncsWrite},
    problem::Fail,
};

/// Breaks off the run that is under way, if there is one. What was committed stays; the next run, by the schedule, goes on
/// there, or begins anew where this one pulled everything anew.
#[utoipa::path(post, path = "/v1/syncs/{sync}/cancel", tag = "Syncs", params(("sync" = String, Path, description = "The sync's id.")),
    responses((status = 200, body = Sync)), security(("api_key" = ["syncs:write"])))]
pub async fn cancel_sync(caller: Caller<SyncsWrite>, path: web::Path<String>) -> Result<HttpResponse, Fail> {
    let row = sync::cancel(caller.ctx(), extract::id(&path, "sync")?).await?;
    Ok(HttpResponse::Ok().json(super::show(row)))
}
