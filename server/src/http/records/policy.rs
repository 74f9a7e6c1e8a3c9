//! `GET` and `PUT /v1/integrations/{integration}/streams/{stream}/policy`

use actix_web::web;
use api_types::sync::RecordPolicy;
use flows::record;

use super::super::{
    extract::Json,
    principal::{Caller, IntegrationsRead, IntegrationsWrite},
    problem::Fail,
};

/// Shows how records of a stream are kept.
#[utoipa::path(get, path = "/v1/integrations/{integration}/streams/{stream}/policy", tag = "Records",
    params(("integration" = String, Path, description = "The integration's id or slug."), ("stream" = String, Path, description = "The stream.")),
    responses((status = 200, body = RecordPolicy)), security(("api_key" = ["integrations:read"])))]
pub async fn get_record_policy(
    caller: Caller<IntegrationsRead>,
    path: web::Path<(String, String)>,
) -> Result<web::Json<RecordPolicy>, Fail> {
    let (integration, stream) = path.into_inner();
    Ok(web::Json(show(record::get_policy(caller.ctx(), &integration, &stream).await?)))
}

/// Sets how records of a stream are kept, for all connections of the integration; what is absent is not kept shorter and not
/// sealed. What lies there already is brought in line within minutes, without a change in the feed. Sealing that is ended
/// leaves what is sealed so until it changes.
#[utoipa::path(put, path = "/v1/integrations/{integration}/streams/{stream}/policy", tag = "Records",
    params(("integration" = String, Path, description = "The integration's id or slug."), ("stream" = String, Path, description = "The stream.")),
    request_body = RecordPolicy, responses((status = 200, body = RecordPolicy)), security(("api_key" = ["integrations:write"])))]
pub async fn set_record_policy(
    caller: Caller<IntegrationsWrite>,
    path: web::Path<(String, String)>,
    Json(wanted): Json<RecordPolicy>,
) -> Result<web::Json<RecordPolicy>, Fail> {
    let (integration, stream) = path.into_inner();
    let policy = store::RecordPolicy {
        keep_deleted_days: wanted.keep_deleted_days,
        keep_content_days: wanted.keep_content_days,
        is_sealed: wanted.sealed,
    };
    Ok(web::Json(show(record::set_policy(caller.whole()?, &integration, &stream, policy).await?)))
}

fn show(policy: store::RecordPolicy) -> RecordPolicy {
    RecordPolicy {
        keep_deleted_days: policy.keep_deleted_days,
        keep_content_days: policy.keep_content_days,
        sealed: policy.is_sealed,
    }
}
