//! `GET /v1/connections/{connection}/credential`

use actix_web::{HttpResponse, web};
use api_types::{ProblemCode, connection::Credential};
use flows::credentials;

use super::super::{
    extract,
    principal::{Caller, CredentialsRead},
    problem::Fail,
};

/// A credential that holds, refreshed if need be. Use it at once rather than keeping it.
#[utoipa::path(get, path = "/v1/connections/{connection}/credential", tag = "Connections",
    params(("connection" = String, Path, description = "The connection's id.")),
    responses((status = 200, body = Credential)), security(("api_key" = ["credentials:read"])))]
pub async fn get_connection_credential(
    caller: Caller<CredentialsRead>,
    path: web::Path<String>,
) -> Result<HttpResponse, Fail> {
    let id = extract::id(&path, "connection")?;
    let fresh = credentials::fresh(caller.ctx(), id).await?;
    let none = || Fail::new(ProblemCode::NotFound, "This provider needs no credential, so the connection has none.");
    let token = fresh.token.ok_or_else(none)?;
    let shown = Credential {
        connection_id: id,
        access_token: token.access_token.expose().to_owned(),
        token_type: token.token_type,
        expires_at: token.expires_at,
        scopes: token.scopes,
    };
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(shown))
}
