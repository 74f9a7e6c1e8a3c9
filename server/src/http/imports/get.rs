//! `GET /v1/imports/{import}`

use actix_web::web;
use api_types::connection::Import;
use flows::connection;

use super::super::{
    extract,
    principal::{Caller, ConnectionsRead},
    problem::Fail,
};

/// What is shown of what was wrong.
const MOST_ERRORS: i64 = 100;

/// An import: how far it has come, and the first hundred things that were wrong.
#[utoipa::path(get, path = "/v1/imports/{import}", tag = "Connections",
    params(("import" = String, Path, description = "The import's id.")),
    responses((status = 200, body = Import)), security(("api_key" = ["connections:read"])))]
pub async fn get_import(caller: Caller<ConnectionsRead>, path: web::Path<String>) -> Result<web::Json<Import>, Fail> {
    let id = extract::id(&path, "import")?;
    Ok(web::Json(super::show(connection::get_import(caller.whole()?, id, MOST_ERRORS).await?)))
}
