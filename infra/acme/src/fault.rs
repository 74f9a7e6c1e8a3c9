//! Misbehaving on command, as providers do on their own.

use std::time::Duration;

use actix_web::{
    Error, HttpResponse,
    body::{BoxBody, MessageBody, SizedStream},
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::Next,
    web::Data,
};
use bytes::Bytes;
use futures_util::stream;
use serde::{Deserialize, Serialize};

use crate::state::State;

/// One way to misbehave.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// Answers with a status, and with `Retry-After` and a body if they are given. The request has no effect.
    Status {
        /// The HTTP status, 200 to 599.
        status: u16,
        /// The value of `Retry-After`: seconds or an HTTP date, sent as it is.
        #[serde(default)]
        retry_after: Option<String>,
        /// The body, sent as JSON; without it a small error document.
        #[serde(default)]
        body: Option<serde_json::Value>,
    },
    /// Waits, then answers as usual.
    Slow {
        /// For how many milliseconds.
        ms: u64,
    },
    /// Never answers.
    Hang,
    /// Answers 200, promises 4096 bytes, sends half of them and cuts the connection. The request has no effect.
    Cut,
    /// Answers 200 with `application/json` that is not JSON. The request has no effect.
    WrongJson,
    /// Does what was asked, then cuts the connection without telling: how a rotated refresh token gets lost.
    LoseAnswer,
}

/// A fault with where and how often.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Misbehaviour {
    /// The beginning of the paths it is for; `/` for all but `/control`.
    pub path: String,
    /// How many requests to let pass first.
    #[serde(default)]
    pub skip: u32,
    /// How many requests to spoil.
    pub times: u32,
    /// In which way.
    pub fault: Fault,
}

/// Takes the fault that is due for this path, if one is, and counts it.
pub(crate) fn due(queue: &mut Vec<Misbehaviour>, path: &str) -> Option<Fault> {
    let at = queue.iter().position(|m| path.starts_with(&m.path))?;
    let entry = queue.get_mut(at)?;
    if entry.skip > 0 {
        entry.skip -= 1;
        return None;
    }
    let fault = entry.fault.clone();
    entry.times = entry.times.saturating_sub(1);
    if entry.times == 0 {
        queue.remove(at);
    }
    Some(fault)
}

/// The middleware that counts every call and spoils those that are to be spoilt. `/control` is left alone.
pub(crate) async fn misbehave(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let path = request.path();
    let due = match request.app_data::<Data<State>>() {
        Some(state) if !path.starts_with("/control") => {
            state.count(request.method().as_str(), path);
            state.fault_due(path)
        }
        _ => None,
    };
    let spoilt = match due {
        None => return Ok(next.call(request).await?.map_into_boxed_body()),
        Some(Fault::Slow { ms }) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            return Ok(next.call(request).await?.map_into_boxed_body());
        }
        Some(Fault::LoseAnswer) => {
            let (request, _lost) = next.call(request).await?.into_parts();
            return Ok(ServiceResponse::new(request, truncated("")));
        }
        Some(Fault::Hang) => {
            std::future::pending::<()>().await;
            truncated("")
        }
        Some(Fault::Status { status, retry_after, body }) => {
            let mut answer =
                HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
            if let Some(value) = retry_after {
                answer.insert_header((header::RETRY_AFTER, value));
            }
            answer.json(body.unwrap_or_else(|| serde_json::json!({ "error": "told_to_misbehave" })))
        }
        Some(Fault::Cut) => truncated(&"{\"data\":[".repeat(228)),
        Some(Fault::WrongJson) => {
            HttpResponse::Ok().content_type("application/json").body("{\"data\": [ {\"id\": \"ord_1\", ")
        }
    };
    Ok(request.into_response(spoilt))
}

/// An answer that promises 4096 bytes and breaks off after `sent`.
fn truncated(sent: &str) -> HttpResponse {
    let first = Some(Bytes::copy_from_slice(sent.as_bytes())).filter(|bytes| !bytes.is_empty());
    let body = stream::unfold(first, |left| async {
        let Some(bytes) = left else {
            // The pause lets what was sent leave before the connection is dropped.
            tokio::time::sleep(Duration::from_millis(20)).await;
            return Some((Err(std::io::Error::other("cut on command")), None));
        };
        Some((Ok(bytes), None))
    });
    HttpResponse::Ok().content_type("application/json").body(SizedStream::new(4096, Box::pin(body)))
}
