//! `POST /portal/api/sign-out`

use actix_web::{HttpRequest, HttpResponse};
use flows::tenant::sign_in;

use super::super::{principal, problem::Fail};

/// Ends the browser's session; no error if there was none.
///
/// # Errors
/// 403 from another site's page, 503 without a database.
pub async fn sign_out(request: HttpRequest) -> Result<HttpResponse, Fail> {
    let state = principal::state(&request)?;
    principal::same_origin(&state, &request)?;
    if let Some(cookie) = request.cookie(principal::PORTAL_COOKIE) {
        sign_in::sign_out(&state.services, cookie.value()).await?;
    }
    let mut gone = super::cookie(String::new());
    gone.make_removal();
    Ok(HttpResponse::NoContent().cookie(gone).finish())
}
