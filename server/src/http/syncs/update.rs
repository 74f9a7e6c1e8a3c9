//! `PATCH /v1/syncs/{sync}`

use actix_web::web;
use api_types::sync::{Sync, UpdateSync};
use flows::sync;

use super::super::{
    extract::{self, Json},
    principal::{Caller, SyncsWrite},
    problem::Fail,
};

/// Gives a sync that was made by hand other parameters, in place of all that it has. A run that is under way is broken off,
/// and everything is pulled anew, now: records that the new parameters do not bring are marked as deleted at its end. A paused
/// sync does so once it runs again. Parameters that another sync of the stream has are refused.
#[utoipa::path(patch, path = "/v1/syncs/{sync}", tag = "Syncs", params(("sync" = String, Path, description = "The sync's id.")),
    request_body = UpdateSync, responses((status = 200, body = Sync)), security(("api_key" = ["syncs:write"])))]
pub async fn update_sync(
    caller: Caller<SyncsWrite>,
    path: web::Path<String>,
    Json(body): Json<UpdateSync>,
) -> Result<web::Json<Sync>, Fail> {
    let params = body.params.into_iter().collect();
    let row = sync::set_params(caller.ctx(), extract::id(&path, "sync")?, params).await?;
    Ok(web::Json(super::show(row)))
}
