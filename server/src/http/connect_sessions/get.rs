//! `GET /v1/connect/sessions/{session}`

use actix_web::web;
use api_types::connect::ConnectSession;
use flows::connect;

use super::super::{
    extract,
    principal::{Caller, ConnectRead},
    problem::Fail,
};

/// Where a connect session stands, and what came of it.
#[utoipa::path(get, path = "/v1/connect/sessions/{session}", tag = "Connect",
    params(("session" = String, Path, description = "The session's id.")),
    responses((status = 200, body = ConnectSession)), security(("api_key" = ["connect:read"])))]
pub async fn get_connect_session(
    caller: Caller<ConnectRead>,
    session: web::Path<String>,
) -> Result<web::Json<ConnectSession>, Fail> {
    let view = connect::status(caller.ctx(), extract::id(&session, "connect session")?).await?;
    Ok(web::Json(ConnectSession {
        id: view.row.id,
        status: super::status(view.status),
        end_user: super::end_user(view.row.end_user),
        connection_id: view.row.connection,
        failure: view.failure.map(super::failure),
        created_at: view.row.created_at,
        expires_at: view.row.expires_at,
    }))
}
