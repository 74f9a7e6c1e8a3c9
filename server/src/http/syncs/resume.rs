//! `POST /v1/syncs/{sync}/resume`

use actix_web::{HttpResponse, web};
use api_types::sync::Sync;
use flows::sync;

use super::super::{
    extract,
    principal::{Caller, SyncsWrite},
    problem::Fail,
};

/// Lets a paused sync go on; it runs at once if it was due meanwhile.
#[utoipa::path(post, path = "/v1/syncs/{sync}/resume", tag = "Syncs", params(("sync" = String, Path, description = "The sync's id.")),
    responses((status = 200, body = Sync)), security(("api_key" = ["syncs:write"])))]
pub async fn resume_sync(caller: Caller<SyncsWrite>, path: web::Path<String>) -> Result<HttpResponse, Fail> {
    let row = sync::resume(caller.ctx(), extract::id(&path, "sync")?).await?;
    Ok(HttpResponse::Ok().json(super::show(row)))
}
