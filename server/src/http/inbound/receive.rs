//! `POST /inbound/{token}`: where providers send webhooks.

use actix_web::{HttpRequest, HttpResponse, web};
use api_types::ProblemCode;
use flows::inbound::{self, Arrived, MOST_BYTES, ReceiveError};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::{AppState, problem::Fail};

/// Takes a webhook in: it is verified and kept, and processed later. The answer is empty; whoever sent it learns nothing but
/// whether it was taken in.
///
/// # Errors
/// 404 where there is no such URL, 401 where it is not the provider's, 503 while it cannot be kept: providers send it again.
pub async fn receive(
    token: web::Path<String>,
    state: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Fail> {
    let too_large = || Fail::new(ProblemCode::BodyTooLarge, format!("A webhook may have {MOST_BYTES} bytes at most."));
    let broken = |_| Fail::new(ProblemCode::BadRequest, "The body broke off or is not sent as HTTP asks.");
    let body = payload.to_bytes_limited(MOST_BYTES).await.map_err(|_| too_large())?.map_err(broken)?;
    let headers = headers(&request);
    let arrived = Arrived { token: &token, headers: &headers, query: request.query_string(), body: &body };
    match inbound::receive(&state.services, arrived).await {
        Ok(_) => Ok(HttpResponse::Ok().finish()),
        Err(error) => Err(failure(error)),
    }
}

/// Some providers look whether there is anything before they send.
///
/// # Errors
/// 404 where there is no such URL.
pub async fn look(token: web::Path<String>, state: web::Data<AppState>) -> Result<HttpResponse, Fail> {
    if inbound::is_known(&state.services, &token).await? { Ok(HttpResponse::Ok().finish()) } else { Err(unknown()) }
}

fn failure(error: ReceiveError) -> Fail {
    match error {
        ReceiveError::Unknown => unknown(),
        ReceiveError::Refused(why) => {
            Fail::new(ProblemCode::Unauthenticated, format!("{}.", capital(&why.to_string())))
        }
        ReceiveError::Misconfigured(why) => {
            Fail::new(ProblemCode::IntegrationMisconfigured, format!("{}.", capital(why)))
        }
        ReceiveError::Seal(error) => error.into(),
        ReceiveError::Store(error) => error.into(),
    }
}

fn unknown() -> Fail {
    Fail::new(ProblemCode::NotFound, "Nobody listens to webhooks at this URL.")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn headers(request: &HttpRequest) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(request.headers().len());
    for (name, value) in request.headers() {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok();
        if let Some((name, value)) = name.zip(HeaderValue::from_bytes(value.as_bytes()).ok()) {
            headers.append(name, value);
        }
    }
    headers
}
