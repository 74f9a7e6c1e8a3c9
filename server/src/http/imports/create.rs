//! `POST /v1/imports`

use actix_web::HttpResponse;
use api_types::connection::{CreateImport, Import};
use flows::connection::{self, Taken};

use super::super::{
    extract::Json,
    principal::{Caller, ConnectionsWrite},
    problem::Fail,
};

/// Begins an import of many connections. Send its rows to `POST /v1/imports/{import}/rows`.
#[utoipa::path(post, path = "/v1/imports", tag = "Connections", request_body = CreateImport,
    responses((status = 201, body = Import)), security(("api_key" = ["connections:write"])))]
pub async fn create_import(
    caller: Caller<ConnectionsWrite>,
    Json(body): Json<CreateImport>,
) -> Result<HttpResponse, Fail> {
    let import = connection::open_import(caller.whole()?, &body.integration, None).await?;
    Ok(HttpResponse::Created().json(super::show(Taken { import, errors: Vec::new(), stopped: None })))
}
