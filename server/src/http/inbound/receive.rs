//! `POST` and `GET /inbound/{token}`: where providers send webhooks.

use actix_web::{HttpRequest, HttpResponse, web};
use api_types::ProblemCode;
use flows::inbound::{self, Arrived, HandshakeAnswer, MOST_BYTES, ReceiveError, Received};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::{AppState, problem::Fail};

/// Takes a webhook in: it is verified and kept, and processed later. The answer is empty; whoever sent it learns nothing but
/// whether it was taken in. A handshake is answered with what it asks for.
///
/// # Errors
/// 400 where a handshake asks for what is not sent back, 404 where there is no such URL, 401 where it is not the provider's,
/// 503 while it cannot be kept: providers send it again.
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
        Ok(Received::Answered(answer)) => Ok(sent_back(answer)),
        Ok(Received::Taken(_) | Received::Again) => Ok(HttpResponse::Ok().finish()),
        Err(error) => Err(failure(error)),
    }
}

/// Some providers look whether there is anything before they send; some want a text sent back that proves it.
///
/// # Errors
/// 404 where there is no such URL; of a handshake, as [`receive`].
pub async fn look(
    token: web::Path<String>,
    state: web::Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, Fail> {
    let headers = headers(&request);
    let arrived = Arrived { token: &token, headers: &headers, query: request.query_string(), body: &[] };
    match inbound::look(&state.services, arrived).await {
        Ok(Some(answer)) => Ok(sent_back(answer)),
        Ok(None) => Ok(HttpResponse::Ok().finish()),
        Err(error) => Err(failure(error)),
    }
}

/// What somebody else wrote: whatever a browser makes of it, it is no page.
fn sent_back(answer: HandshakeAnswer) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(answer.content_type)
        .insert_header(("x-content-type-options", "nosniff"))
        .insert_header(("content-security-policy", "default-src 'none'; frame-ancestors 'none'; sandbox"))
        .insert_header(("cache-control", "no-store"))
        .body(answer.body)
}

fn failure(error: ReceiveError) -> Fail {
    match error {
        ReceiveError::Unknown => unknown(),
        ReceiveError::Refused(why) => {
            Fail::new(ProblemCode::Unauthenticated, format!("{}.", capital(&why.to_string())))
        }
        ReceiveError::OddHandshake => Fail::new(ProblemCode::BadRequest, format!("{}.", capital(&error.to_string()))),
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
