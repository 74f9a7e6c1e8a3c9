//! `GET /connect/assets/{file}`

use actix_web::{HttpRequest, HttpResponse, web};

use super::super::{assets, problem::Fail};

/// A file of the connect page, or of the small pages around it.
///
/// # Errors
/// 404 if there is no such file.
pub async fn asset(file: web::Path<String>, request: HttpRequest) -> Result<HttpResponse, Fail> {
    assets::serve("connect", &file, &request)
}
