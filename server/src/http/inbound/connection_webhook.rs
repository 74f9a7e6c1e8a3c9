//! `GET`, `PUT` and `DELETE /v1/connections/{connection}/webhook`

use actix_web::{HttpResponse, web};
use api_types::inbound::{PutWebhookUrl, WebhookUrl};
use flows::inbound::{self, Owner};

use super::super::{
    extract::{self, Json},
    principal::{Caller, ConnectionsRead, ConnectionsWrite},
    problem::Fail,
};

/// Our URL that the provider sends this account's webhooks to, for providers that do not say whose they are.
#[utoipa::path(get, path = "/v1/connections/{connection}/webhook", tag = "Connections",
    params(("connection" = String, Path, description = "The connection's id.")),
    responses((status = 200, body = WebhookUrl)), security(("api_key" = ["connections:read"])))]
pub async fn get_connection_webhook(
    caller: Caller<ConnectionsRead>,
    path: web::Path<String>,
) -> Result<web::Json<WebhookUrl>, Fail> {
    let view = inbound::find(caller.ctx(), Owner::Connection(extract::id(&path, "connection")?)).await?;
    Ok(web::Json(super::show_url(view)))
}

/// Makes the URL for this account's webhooks if there is none, and sets what is given. Without a secret of its own, the
/// integration's verifies what comes there.
#[utoipa::path(put, path = "/v1/connections/{connection}/webhook", tag = "Connections", request_body = PutWebhookUrl,
    params(("connection" = String, Path, description = "The connection's id.")),
    responses((status = 200, body = WebhookUrl)), security(("api_key" = ["connections:write"])))]
pub async fn put_connection_webhook(
    caller: Caller<ConnectionsWrite>,
    path: web::Path<String>,
    Json(body): Json<PutWebhookUrl>,
) -> Result<web::Json<WebhookUrl>, Fail> {
    let view =
        inbound::put(caller.ctx(), Owner::Connection(extract::id(&path, "connection")?), super::settings(body)).await?;
    Ok(web::Json(super::show_url(view)))
}

/// Removes the URL: what is sent there from now on is refused. The next that is made is another.
#[utoipa::path(delete, path = "/v1/connections/{connection}/webhook", tag = "Connections",
    params(("connection" = String, Path, description = "The connection's id.")),
    responses((status = 204)), security(("api_key" = ["connections:write"])))]
pub async fn delete_connection_webhook(
    caller: Caller<ConnectionsWrite>,
    path: web::Path<String>,
) -> Result<HttpResponse, Fail> {
    inbound::remove(caller.ctx(), Owner::Connection(extract::id(&path, "connection")?)).await?;
    Ok(HttpResponse::NoContent().finish())
}
