//! `POST /v1/connections/{connection}/revoke`

use actix_web::web;
use api_types::{ProblemCode, connection::Connection};
use flows::connection::{self, RevokeError};

use super::super::{
    extract,
    principal::{Caller, ConnectionsWrite},
    problem::Fail,
};

impl From<RevokeError> for Fail {
    fn from(error: RevokeError) -> Self {
        match error {
            RevokeError::NotFound => Self::not_found("connection"),
            RevokeError::Deleting => Self::new(
                ProblemCode::Conflict,
                "The connection is being deleted, and its grant revoked with that. GET /v1/revocations tells the outcome.",
            ),
            RevokeError::Store(error) => error.into(),
        }
    }
}

/// Stops a connection for good without deleting it: its grant is revoked at the provider, now or by retries, and its
/// credential wiped. `revocation` says what became of it; records stay. The end user can only connect anew.
#[utoipa::path(post, path = "/v1/connections/{connection}/revoke", tag = "Connections",
    params(("connection" = String, Path, description = "The connection's id.")),
    responses((status = 200, body = Connection)), security(("api_key" = ["connections:write"])))]
pub async fn revoke_connection(
    caller: Caller<ConnectionsWrite>,
    path: web::Path<String>,
) -> Result<web::Json<Connection>, Fail> {
    let id = extract::id(&path, "connection")?;
    connection::revoke(caller.ctx(), id).await?;
    Ok(web::Json(super::show(connection::get(caller.ctx(), id).await?)))
}
