//! `DELETE /v1/api-keys/{key}`

use actix_web::{HttpResponse, web};
use flows::tenant::keys;

use super::super::{
    extract,
    principal::{Caller, KeysWrite},
    problem::Fail,
};

/// Revokes an API key; it is refused from then on. It stays listed.
#[utoipa::path(delete, path = "/v1/api-keys/{key}", tag = "API keys",
    params(("key" = String, Path, description = "The key's id.")),
    responses((status = 204)), security(("api_key" = ["keys:write"])))]
pub async fn revoke_api_key(caller: Caller<KeysWrite>, path: web::Path<String>) -> Result<HttpResponse, Fail> {
    keys::revoke(caller.ctx(), extract::id(&path, "API key")?).await?;
    Ok(HttpResponse::NoContent().finish())
}
