//! `ANY /v1/proxy/{path}`

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::HeaderName as OurName},
    web,
};
use bytes::Bytes;
use egress::{Body, Egress};
use flows::proxy::{self, ProxyCall};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ids::ConnectionId;

use super::super::{
    extract,
    principal::{Caller, Proxy},
    problem::Fail,
};

/// What a call may take unless it says otherwise, and at the most, in milliseconds.
const USUAL_MS: u64 = 60_000;
const MOST_MS: u64 = 600_000;
/// A body up to this size is read before it is sent on, either way: its head and itself then go out in one piece. A larger
/// one, or one of unknown size, streams.
const SMALL_BODY: u64 = 64 * 1024;

/// Calls the provider with the connection's credential added. Method, path, query, headers and body pass through as they
/// are, both ways. The answer is the provider's own, whatever its status; a problem document means that there is none.
#[utoipa::path(get, path = "/v1/proxy/{path}", operation_id = "send_proxy", tag = "Proxy",
    params(("path" = String, Path, description = "Path below the provider's base URL; its query goes along. Every method is taken."),
        ("patchbay-connection" = String, Header, description = "The connection's id."),
        ("patchbay-timeout-ms" = Option<u64>, Header, description = "Milliseconds for the whole exchange, 600000 at most; 60000 if absent.")),
    responses((status = 200, description = "The provider's answer.", content_type = "*/*")), security(("api_key" = ["proxy"])))]
pub async fn send_proxy(
    caller: Caller<Proxy>,
    egress: web::Data<Egress>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Fail> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let connection = header("patchbay-connection")
        .ok_or_else(|| Fail::field("patchbay-connection", "name the connection in this header"))?;
    let connection: ConnectionId = extract::id(connection, "connection")?;
    let millis = match header("patchbay-timeout-ms").map(str::parse::<u64>) {
        None => USUAL_MS,
        Some(Ok(millis @ 1..=MOST_MS)) => millis,
        Some(_) => return Err(Fail::field("patchbay-timeout-ms", format!("must be 1 to {MOST_MS}"))),
    };
    let method = Method::from_bytes(request.method().as_str().as_bytes())
        .map_err(|_| Fail::field("method", "is not a method of HTTP"))?;
    let target = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let target = target.strip_prefix("/v1/proxy").unwrap_or_default().to_owned();
    let length = header("content-length").and_then(|value| value.parse::<u64>().ok());
    let is_chunked = request.headers().contains_key("transfer-encoding");
    let is_bodiless = !is_chunked && length.unwrap_or(0) == 0;
    let body = match length {
        _ if is_bodiless => Body::empty(),
        Some(length) if length <= SMALL_BODY => whole(payload).await?.into(),
        _ => streamed(payload),
    };
    let is_head = method == Method::HEAD;
    let call = ProxyCall {
        connection,
        method,
        target,
        headers: headers_in(&request),
        body,
        is_bodiless,
        deadline: Duration::from_millis(millis),
    };
    let answer = proxy::send(caller.ctx(), &egress, call).await?;
    let mut response =
        HttpResponse::build(StatusCode::from_u16(answer.status.as_u16()).unwrap_or(StatusCode::BAD_GATEWAY));
    let mut length = None;
    for (name, value) in &answer.headers {
        if name == http::header::CONTENT_LENGTH {
            length = value.to_str().ok().and_then(|value| value.parse::<u64>().ok());
        } else if let Ok(name) = OurName::from_bytes(name.as_str().as_bytes()) {
            response.append_header((name, value.as_bytes()));
        }
    }
    // What has a length but no body (RFC 9110 section 8.6) is not waited for.
    let has_body = !is_head && !matches!(answer.status.as_u16(), 204 | 304);
    if has_body && length.is_some_and(|length| length <= SMALL_BODY) {
        return Ok(response.body(answer.whole().await?.body));
    }
    if let Some(length) = length {
        response.no_chunking(length);
    }
    Ok(response.streaming(answer.body))
}

fn headers_in(request: &HttpRequest) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(request.headers().len());
    for (name, value) in request.headers() {
        if !proxy::is_sent_on(name.as_str()) {
            continue;
        }
        let pair =
            HeaderName::from_bytes(name.as_str().as_bytes()).ok().zip(HeaderValue::from_bytes(value.as_bytes()).ok());
        if let Some((name, value)) = pair {
            headers.append(name, value);
        }
    }
    headers
}

async fn whole(mut payload: web::Payload) -> Result<Bytes, Fail> {
    let mut all = bytes::BytesMut::new();
    while let Some(piece) = payload.next().await {
        all.extend_from_slice(&piece.map_err(|error| extract::body_failure(&error.into()))?);
    }
    Ok(all.freeze())
}

/// Hands the body on as it arrives. The payload stays on its thread, a small queue carries it over: when the provider is
/// slow the queue is full, and we stop reading from the caller.
fn streamed(mut payload: web::Payload) -> Body {
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(4);
    actix_web::rt::spawn(async move {
        while let Some(piece) = payload.next().await {
            if sender.send(piece.map_err(std::io::Error::other)).await.is_err() {
                return;
            }
        }
    });
    Body::stream(futures_util::stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|piece| (piece, receiver))
    }))
}
