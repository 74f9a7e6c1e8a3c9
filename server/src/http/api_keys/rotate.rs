//! `POST /v1/api-keys/{key}/rotate`

use actix_web::{HttpResponse, web};
use api_types::operator::{CreatedApiKey, RotateApiKey};
use flows::tenant::keys;

use super::super::{
    extract::{self, Json},
    principal::{Caller, KeysWrite},
    problem::Fail,
    show,
};

/// Gives an API key a new secret. The old one works until `previous_until`, so that backends can be told of the new one
/// one after the other. A secret that was replaced before and still worked is refused from then on.
#[utoipa::path(post, path = "/v1/api-keys/{key}/rotate", tag = "API keys", request_body = RotateApiKey,
    params(("key" = String, Path, description = "The key's id.")),
    responses((status = 200, body = CreatedApiKey)), security(("api_key" = ["keys:write"])))]
pub async fn rotate_api_key(
    caller: Caller<KeysWrite>,
    path: web::Path<String>,
    Json(body): Json<RotateApiKey>,
) -> Result<HttpResponse, Fail> {
    let id = extract::id(&path, "API key")?;
    let (row, secret) = keys::rotate(caller.ctx(), id, body.previous_until, caller.permissions()).await?;
    let shown = CreatedApiKey { key: show::api_key(row), secret: secret.expose().to_owned() };
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(shown))
}
