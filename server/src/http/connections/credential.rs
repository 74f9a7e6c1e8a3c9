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
    let material = fresh.material;
    if material.tokens.is_none() && material.fields.is_empty() {
        let none = "This provider needs no credential, so the connection has none.";
        return Err(Fail::new(ProblemCode::NotFound, none));
    }
    let shown = Credential {
        connection_id: id,
        mode: fresh.access.provider.manifest.auth.mode().to_owned(),
        access_token: material.tokens.as_ref().map(|tokens| tokens.access_token.expose().to_owned()),
        token_type: material.tokens.map(|tokens| tokens.token_type),
        fields: material.fields.into_iter().map(|(name, secret)| (name, secret.expose().to_owned())).collect(),
        expires_at: fresh.expires_at,
        scopes: fresh.scopes,
    };
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(shown))
}
