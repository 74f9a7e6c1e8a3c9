//! `GET /connect/clients/{integration}`

use actix_web::{HttpResponse, web};
use flows::connect::client_metadata;

use super::super::{AppState, extract, problem::Fail};

/// The client id metadata document of an integration (draft-ietf-oauth-client-id-metadata-document), which authorization
/// servers fetch by the client id that it is. It says nothing that a consent screen would not.
///
/// # Errors
/// 404 for an integration that there is not, or whose provider takes no such document.
pub async fn client(state: web::Data<AppState>, path: web::Path<String>) -> Result<HttpResponse, Fail> {
    let id = extract::id(&path, "integration")?;
    let document = client_metadata(&state.services, id).await?;
    let document = document.ok_or_else(|| Fail::not_found("client"))?;
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "public, max-age=300"))
        .insert_header(("x-content-type-options", "nosniff"))
        .json(document))
}
