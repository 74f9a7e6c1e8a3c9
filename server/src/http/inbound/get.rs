//! `GET /v1/inbound-webhooks/{inbound}`

use actix_web::web;
use api_types::inbound::{InboundContent, InboundHeader, InboundWebhookDetail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flows::inbound::{self, Kept};

use super::super::{
    extract,
    principal::{Caller, RecordsRead},
    problem::Fail,
};

/// One webhook, as the provider sent it where it is kept: see `forward`.
#[utoipa::path(get, path = "/v1/inbound-webhooks/{inbound}", tag = "Connections",
    params(("inbound" = String, Path, description = "The webhook's id.")),
    responses((status = 200, body = InboundWebhookDetail)), security(("api_key" = ["records:read"])))]
pub async fn get_inbound_webhook(
    caller: Caller<RecordsRead>,
    path: web::Path<String>,
) -> Result<web::Json<InboundWebhookDetail>, Fail> {
    let view = inbound::get(caller.ctx(), extract::id(&path, "webhook")?).await?;
    Ok(web::Json(InboundWebhookDetail { webhook: super::show(view.row), delivery: view.kept.map(content) }))
}

fn content(kept: Kept) -> InboundContent {
    let headers = kept.headers.into_iter().map(|(name, value)| InboundHeader { name, value }).collect();
    InboundContent { headers, query: kept.query, body: STANDARD.encode(kept.body) }
}
