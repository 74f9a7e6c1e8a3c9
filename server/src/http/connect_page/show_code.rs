//! `POST /connect/api/code`

use actix_web::HttpResponse;
use api_types::connect::{ConnectCode, ConnectEntry};
use flows::connect::show_code;

use super::{
    super::{extract::Json, problem::Fail},
    token::SessionToken,
};

/// Asks the provider for a code that the end user types in elsewhere (RFC 8628). `GET /connect/api/progress` tells when
/// they have.
#[utoipa::path(post, path = "/connect/api/code", tag = "Connect page", request_body = ConnectEntry,
    responses((status = 201, body = ConnectCode)), security(("connect_session" = [])))]
pub async fn show_connect_code(caller: SessionToken, Json(body): Json<ConnectEntry>) -> Result<HttpResponse, Fail> {
    let fields = super::super::integrations::secrets(body.fields);
    let code = show_code(caller.services(), &caller.token, body.integration_id, fields).await?;
    Ok(HttpResponse::Created().insert_header(("cache-control", "no-store")).json(ConnectCode {
        user_code: code.user_code,
        verification_url: code.verification_url.into(),
        verification_url_complete: code.verification_url_complete.map(Into::into),
        expires_at: code.expires_at,
    }))
}
