//! `GET /v1/connections/{connection}`

use actix_web::web;
use api_types::connection::Connection;
use flows::connection;

use super::super::{
    extract,
    principal::{Caller, ConnectionsRead},
    problem::Fail,
};

/// One connection, with its health.
#[utoipa::path(get, path = "/v1/connections/{connection}", tag = "Connections",
    params(("connection" = String, Path, description = "The connection's id.")),
    responses((status = 200, body = Connection)), security(("api_key" = ["connections:read"])))]
pub async fn get_connection(
    caller: Caller<ConnectionsRead>,
    path: web::Path<String>,
) -> Result<web::Json<Connection>, Fail> {
    let id = extract::id(&path, "connection")?;
    Ok(web::Json(super::show(connection::get(caller.ctx(), id).await?)))
}
