//! `POST /v1/plugin-keys`

use actix_web::HttpResponse;
use api_types::plugin::{CreatePluginKey, PluginKey};
use flows::plugin;

use super::super::{
    extract::Json,
    principal::{Caller, KeysWrite},
    problem::Fail,
};

/// Trusts a key's signatures on plugins in this environment. The private half stays with whoever signs.
#[utoipa::path(post, path = "/v1/plugin-keys", tag = "Plugins", request_body = CreatePluginKey,
    responses((status = 201, body = PluginKey)), security(("api_key" = ["keys:write"])))]
pub async fn register_plugin_key(
    caller: Caller<KeysWrite>,
    Json(body): Json<CreatePluginKey>,
) -> Result<HttpResponse, Fail> {
    let row = plugin::register_key(caller.whole()?, &body.name, &body.public_key).await?;
    Ok(HttpResponse::Created().json(super::key(row)))
}
