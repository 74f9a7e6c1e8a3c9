//! `GET`, `PUT` and `DELETE /v1/integrations/{integration}/webhook`

use actix_web::{HttpResponse, web};
use api_types::inbound::{PutWebhookUrl, WebhookUrl};
use flows::inbound::{self, Owner};

use super::super::{
    extract::Json,
    principal::{Caller, IntegrationsRead, IntegrationsWrite},
    problem::Fail,
};

/// Our URL that the provider sends webhooks to which say themselves whose they are.
#[utoipa::path(get, path = "/v1/integrations/{integration}/webhook", tag = "Integrations",
    params(("integration" = String, Path, description = "Id or slug.")),
    responses((status = 200, body = WebhookUrl)), security(("api_key" = ["integrations:read"])))]
pub async fn get_integration_webhook(
    caller: Caller<IntegrationsRead>,
    path: web::Path<String>,
) -> Result<web::Json<WebhookUrl>, Fail> {
    let view = inbound::find(caller.ctx(), Owner::Integration(&path)).await?;
    Ok(web::Json(super::show_url(view)))
}

/// Makes the URL for the provider's webhooks if there is none, and sets what is given. Register it with the provider, and give
/// the secret that the provider shows for it.
#[utoipa::path(put, path = "/v1/integrations/{integration}/webhook", tag = "Integrations", request_body = PutWebhookUrl,
    params(("integration" = String, Path, description = "Id or slug.")),
    responses((status = 200, body = WebhookUrl)), security(("api_key" = ["integrations:write"])))]
pub async fn put_integration_webhook(
    caller: Caller<IntegrationsWrite>,
    path: web::Path<String>,
    Json(body): Json<PutWebhookUrl>,
) -> Result<web::Json<WebhookUrl>, Fail> {
    let view = inbound::put(caller.ctx(), Owner::Integration(&path), super::settings(body)).await?;
    Ok(web::Json(super::show_url(view)))
}

/// Removes the URL: what is sent there from now on is refused. The next that is made is another.
#[utoipa::path(delete, path = "/v1/integrations/{integration}/webhook", tag = "Integrations",
    params(("integration" = String, Path, description = "Id or slug.")),
    responses((status = 204)), security(("api_key" = ["integrations:write"])))]
pub async fn delete_integration_webhook(
    caller: Caller<IntegrationsWrite>,
    path: web::Path<String>,
) -> Result<HttpResponse, Fail> {
    inbound::remove(caller.ctx(), Owner::Integration(&path)).await?;
    Ok(HttpResponse::NoContent().finish())
}
