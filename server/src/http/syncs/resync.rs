//! `POST /v1/syncs/{sync}/resync`

use actix_web::{HttpResponse, web};
use api_types::sync::Sync;
use flows::sync;

use super::super::{
    extract,
    principal::{Caller, SyncsWrite},
    problem::Fail,
};

/// Pulls everything anew, now, also where syncs are incremental: a run that is under way is broken off, and records that the
/// new one does not see are marked as deleted at its end.
#[utoipa::path(post, path = "/v1/syncs/{sync}/resync", tag = "Syncs", params(("sync" = String, Path, description = "The sync's id.")),
    responses((status = 202, body = Sync)), security(("api_key" = ["syncs:write"])))]
pub async fn resync_sync(caller: Caller<SyncsWrite>, path: web::Path<String>) -> Result<HttpResponse, Fail> {
    let row = sync::resync(caller.ctx(), extract::id(&path, "sync")?).await?;
    Ok(HttpResponse::Accepted().json(super::show(row)))
}
