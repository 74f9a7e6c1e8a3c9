//! `PUT` and `DELETE /v1/syncs/{sync}/schedule`

use actix_web::{HttpResponse, web};
use api_types::sync::{Sync, SyncSchedule};
use flows::sync::{self, WantedSchedule};

use super::super::{
    extract::{self, Json},
    principal::{Caller, SyncsWrite},
    problem::Fail,
};

/// Sets when a sync runs by itself: `every_seconds`, or `cron` with `time_zone` (`UTC` if absent). Times are spread by up to
/// 30 seconds, intervals by a tenth.
#[utoipa::path(put, path = "/v1/syncs/{sync}/schedule", tag = "Syncs", params(("sync" = String, Path, description = "The sync's id.")),
    request_body = SyncSchedule, responses((status = 200, body = Sync)), security(("api_key" = ["syncs:write"])))]
pub async fn set_sync_schedule(
    caller: Caller<SyncsWrite>,
    path: web::Path<String>,
    Json(schedule): Json<SyncSchedule>,
) -> Result<HttpResponse, Fail> {
    let wanted = match schedule {
        SyncSchedule { every_seconds: Some(seconds), cron: None, time_zone: None } => WantedSchedule::Every(seconds),
        SyncSchedule { every_seconds: None, cron: Some(expression), time_zone } => {
            WantedSchedule::Cron { expression, zone: time_zone.unwrap_or_else(|| "UTC".to_owned()) }
        }
        _ => return Err(Fail::field("cron", "give either `every_seconds`, or `cron` with `time_zone`")),
    };
    let row = sync::set_schedule(caller.ctx(), extract::id(&path, "sync")?, &wanted).await?;
    Ok(HttpResponse::Ok().json(super::show(row)))
}

/// Has a sync run as the provider's manifest has it again.
#[utoipa::path(delete, path = "/v1/syncs/{sync}/schedule", tag = "Syncs", params(("sync" = String, Path, description = "The sync's id.")),
    responses((status = 200, body = Sync)), security(("api_key" = ["syncs:write"])))]
pub async fn reset_sync_schedule(caller: Caller<SyncsWrite>, path: web::Path<String>) -> Result<HttpResponse, Fail> {
    let row = sync::set_schedule(caller.ctx(), extract::id(&path, "sync")?, &WantedSchedule::Default).await?;
    Ok(HttpResponse::Ok().json(super::show(row)))
}
