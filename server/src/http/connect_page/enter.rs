//! `POST /connect/api/entry`

use actix_web::HttpResponse;
use api_types::connect::{ConnectEntered, ConnectEntry};
use flows::connect::enter;

use super::{
    super::{extract::Json, problem::Fail},
    token::SessionToken,
};

/// Tries what the end user typed in (an API key, a user name and a password, a private key) and makes the connection.
#[utoipa::path(post, path = "/connect/api/entry", tag = "Connect page", request_body = ConnectEntry,
    responses((status = 201, body = ConnectEntered)), security(("connect_session" = [])))]
pub async fn enter_credential(caller: SessionToken, Json(body): Json<ConnectEntry>) -> Result<HttpResponse, Fail> {
    let fields = super::super::integrations::secrets(body.fields);
    let entered = enter(caller.services(), &caller.token, body.integration_id, fields).await?;
    let shown = ConnectEntered { connection_id: entered.connection, account_name: entered.account_name };
    Ok(HttpResponse::Created().json(shown))
}
