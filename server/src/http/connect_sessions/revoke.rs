//! `DELETE /v1/connect/sessions/{session}`

use actix_web::{HttpResponse, web};
use flows::connect;

use super::super::{
    extract,
    principal::{Caller, ConnectWrite},
    problem::Fail,
};

/// Withdraws a connect session. A connection that it has made stays.
#[utoipa::path(delete, path = "/v1/connect/sessions/{session}", tag = "Connect",
    params(("session" = String, Path, description = "The session's id.")),
    responses((status = 204)), security(("api_key" = ["connect:write"])))]
pub async fn revoke_connect_session(
    caller: Caller<ConnectWrite>,
    session: web::Path<String>,
) -> Result<HttpResponse, Fail> {
    connect::revoke(caller.ctx(), extract::id(&session, "connect session")?).await?;
    Ok(HttpResponse::NoContent().finish())
}
