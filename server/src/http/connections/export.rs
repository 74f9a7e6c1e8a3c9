//! `POST /v1/exports`

use actix_web::HttpResponse;
use api_types::connection::ExportConnections;
use flows::connection::{self, ExportError};

use super::super::{
    extract::Json,
    principal::{Caller, CredentialsExport},
    problem::Fail,
};

impl From<ExportError> for Fail {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Field(field, words) => Self::field(field, words),
            ExportError::Seal(error) => error.into(),
            error @ (ExportError::Unreadable(_) | ExportError::Encrypt(_)) => Self::internal(&error),
        }
    }
}

/// Exports connections with their credentials as JSON Lines, encrypted to the recipient's key in the age format and made
/// while it is sent. Each line is a row that an import takes.
#[utoipa::path(post, path = "/v1/exports", tag = "Connections", request_body = ExportConnections,
    responses((status = 200, content_type = "application/octet-stream", body = [u8])),
    security(("api_key" = ["credentials:export"])))]
pub async fn export_connections(
    caller: Caller<CredentialsExport>,
    Json(body): Json<ExportConnections>,
) -> Result<HttpResponse, Fail> {
    let export = connection::export(caller.whole()?, &body.recipient, body.integration.as_deref()).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header(("cache-control", "no-store"))
        .insert_header(("content-disposition", "attachment; filename=\"connections.jsonl.age\""))
        .streaming(export))
}
