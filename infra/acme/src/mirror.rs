//! Mirrors, to see what arrives here: which headers a caller sent, and whether bytes come through unchanged.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Bytes, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

/// `ANY /echo`: method, path, query, headers and body of the request, as JSON; the credential also as a header and
/// within a text, which is how providers reflect what they should not.
pub(crate) async fn echo(request: HttpRequest, body: Bytes) -> HttpResponse {
    let mut headers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in request.headers() {
        headers.entry(name.as_str()).or_default().push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    let mut answer = HttpResponse::Ok();
    let credential = request.headers().get(header::AUTHORIZATION);
    if let Some(credential) = credential {
        answer.insert_header(("x-echo-authorization", credential.clone()));
    }
    let sentence = credential
        .and_then(|value| value.to_str().ok())
        .map(|value| format!("You sent {value} to us, and {} it was.", value.trim_start_matches("Bearer ")));
    answer.json(json!({
        "method": request.method().as_str(),
        "path": request.path(),
        "query": request.query_string(),
        "headers": headers,
        "body": STANDARD.encode(&body),
        "sentence": sentence,
    }))
}

/// `ANY /mirror`: the body as it came, with its content type, sent back while it is still arriving.
pub(crate) async fn mirror(request: HttpRequest, body: Payload) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    if let Some(kind) = request.headers().get(header::CONTENT_TYPE) {
        answer.insert_header((header::CONTENT_TYPE, kind.clone()));
    }
    answer.streaming(body)
}
