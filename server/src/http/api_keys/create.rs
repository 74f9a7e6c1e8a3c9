//! `POST /v1/api-keys`

use actix_web::HttpResponse;
use api_types::operator::{CreateApiKey, CreatedApiKey};
use flows::tenant::keys;

use super::super::{
    extract::Json,
    principal::{Caller, KeysWrite},
    problem::Fail,
    show,
};

/// Creates an API key of this environment. The secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/v1/api-keys", tag = "API keys", request_body = CreateApiKey,
    responses((status = 201, body = CreatedApiKey)), security(("api_key" = ["keys:write"])))]
pub async fn create_api_key(caller: Caller<KeysWrite>, Json(body): Json<CreateApiKey>) -> Result<HttpResponse, Fail> {
    let (row, secret) = keys::create(caller.ctx(), super::wanted(body), caller.permissions()).await?;
    let shown = CreatedApiKey { key: show::api_key(row), secret: secret.expose().to_owned() };
    Ok(HttpResponse::Created().insert_header(("cache-control", "no-store")).json(shown))
}
