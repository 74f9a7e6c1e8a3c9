//! `POST /v1/syncs/{sync}/trigger`

use actix_web::{HttpResponse, web};
use api_types::sync::Sync;
use flows::sync;

use super::super::{
    extract,
    principal::{Caller, SyncsWrite},
    problem::Fail,
};

/// Runs a sync now; if it runs already, once more after that.
#[utoipa::path(post, path = "/v1/syncs/{sync}/trigger", tag = "Syncs", params(("sync" = String, Path, description = "The sync's id.")),
    responses((status = 202, body = Sync)), security(("api_key" = ["syncs:write"])))]
pub async fn trigger_sync(caller: Caller<SyncsWrite>, path: web::Path<String>) -> Result<HttpResponse, Fail> {
    let row = sync::trigger(caller.ctx(), extract::id(&path, "sync")?).await?;
    Ok(HttpResponse::Accepted().json(super::show(row)))
}
