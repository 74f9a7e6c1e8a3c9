//! `DELETE /v1/syncs/{sync}`

use actix_web::{HttpResponse, web};
use flows::sync;

use super::super::{
    extract,
    principal::{Caller, SyncsWrite},
    problem::Fail,
};

/// Removes a sync that was made by hand, with its runs and records. The one that every connection has of a stream stays: it
/// can be paused.
#[utoipa::path(delete, path = "/v1/syncs/{sync}", tag = "Syncs", params(("sync" = String, Path, description = "The sync's id.")),
    responses((status = 204)), security(("api_key" = ["syncs:write"])))]
pub async fn delete_sync(caller: Caller<SyncsWrite>, path: web::Path<String>) -> Result<HttpResponse, Fail> {
    sync::delete(caller.ctx(), extract::id(&path, "sync")?).await?;
    Ok(HttpResponse::NoContent().finish())
}
