//! `POST /v1/syncs/{sync}/pause`

use actix_web::{HttpResponse, web};
use api_types::sync::Sync;
use flows::sync;

use super::super::{
    extract,
    principal::{Caller, SyncsWrite},
    problem::Fail,
};

/// Pauses a sync: no run begins until it is resumed.
#[utoipa::path(post, path = "/v1/syncs/{sync}/pause", tag = "Syncs", params(("sync" = String, Path, description = "The sync's id.")),
    responses((status = 200, body = Sync)), security(("api_key" = ["syncs:write"])))]
pub async fn pause_sync(caller: Caller<SyncsWrite>, path: web::Path<String>) -> Result<HttpResponse, Fail> {
    let row = sync::pause(caller.ctx(), extract::id(&path, "sync")?).await?;
    Ok(HttpResponse::Ok().json(super::show(row)))
}
