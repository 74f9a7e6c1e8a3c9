//! The portal's page and its files.

use actix_web::{HttpRequest, HttpResponse, web};

use super::super::{assets, problem::Fail, security_headers};

/// `GET /portal` and everything below it: the page finds its way by the path itself.
pub async fn page(request: HttpRequest) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    security_headers::page(&mut answer, "'none'");
    match assets::find("admin", "index.html") {
        Some(asset) => assets::body(&mut answer, asset, &request),
        None => answer.body(assets::NOT_BUILT),
    }
}

/// `GET /portal/assets/{file}`
///
/// # Errors
/// 404 if there is no such file.
pub async fn asset(path: web::Path<String>, request: HttpRequest) -> Result<HttpResponse, Fail> {
    assets::serve("admin", &path, &request)
}
