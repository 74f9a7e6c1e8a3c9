//! `DELETE /v1/connections/{connection}`

use actix_web::{HttpResponse, web};
use flows::connection::{self, Deleted};

use super::super::{
    extract,
    principal::{Caller, ConnectionsWrite},
    problem::Fail,
};

/// Deletes a connection with its records. It stops working at once; its grant is revoked at the provider, now (204) or, if
/// the provider does not answer, by retries (202).
#[utoipa::path(delete, path = "/v1/connections/{connection}", tag = "Connections",
    params(("connection" = String, Path, description = "The connection's id.")),
    responses((status = 204), (status = 202)), security(("api_key" = ["connections:write"])))]
pub async fn delete_connection(
    caller: Caller<ConnectionsWrite>,
    path: web::Path<String>,
) -> Result<HttpResponse, Fail> {
    match connection::delete(caller.ctx(), extract::id(&path, "connection")?).await? {
        Deleted::Gone => Ok(HttpResponse::NoContent().finish()),
        Deleted::Pending { .. } => Ok(HttpResponse::Accepted().finish()),
    }
}
