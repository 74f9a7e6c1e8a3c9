//! `GET /connect/{session}`

use actix_web::{HttpRequest, HttpResponse, web};
use flows::connect::frame_ancestors;

use super::super::{AppState, assets, problem::Fail, security_headers};

/// The hosted page. The token is in the fragment, which the browser keeps to itself; the id in the path says which pages
/// may frame it. An unknown session gets the same page, which nobody may frame, and which then says what is wrong.
///
/// # Errors
/// The database failed.
pub async fn hosted(
    session: web::Path<String>,
    state: web::Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, Fail> {
    let origins = match session.parse() {
        Ok(id) => frame_ancestors(&state.services, id).await?.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let ancestors = if origins.is_empty() { "'none'".to_owned() } else { origins.join(" ") };
    let mut answer = HttpResponse::Ok();
    security_headers::page(&mut answer, &ancestors);
    Ok(match assets::find("connect", "index.html") {
        Some(asset) => assets::body(&mut answer, asset, &request),
        None => answer.body(assets::NOT_BUILT),
    })
}
