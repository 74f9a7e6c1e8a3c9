//! What all of Stripe's answers have in common: its errors.

use patchbay_plugin::{Failure, answered};
use serde::Deserialize;

/// An error's body.
#[derive(Deserialize)]
struct Refusal {
    error: Error,
}

/// What is wrong, as far as it decides what happens next.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Error {
    /// `api_error`, `card_error`, `idempotency_error` or `invalid_request_error`.
    #[serde(rename = "type")]
    kind: String,
    code: String,
    message: String,
}

fn read(body: &[u8]) -> Error {
    serde_json::from_slice::<Refusal>(body).map(|refusal| refusal.error).unwrap_or_default()
}

/// Whether it says that an object which the request names does not exist, or no longer.
pub fn is_missing(body: &[u8]) -> bool {
    read(body).code == "resource_missing"
}

/// The failure that a refusal stands for. Stripe says what is wrong by type and code; the status alone is coarser.
pub fn failure(status: u16, body: &[u8], retry_after: Option<u32>) -> Failure {
    let Error { kind, code, message } = read(body);
    let said = answered("Stripe", status, if code.is_empty() { &kind } else { &code }, &message);
    match (status, kind.as_str(), code.as_str()) {
        // The key is wrong, or the account took the platform's access back.
        (401, ..) | (_, _, "account_invalid" | "api_key_expired" | "platform_api_key_expired") => {
            Failure::end_user(said)
        }
        // Another request works on the same object, or came with the same key.
        (_, _, "lock_timeout" | "idempotency_key_in_use") => {
            Failure::provider(said).retry_after(retry_after.or(Some(1)))
        }
        (429, ..) | (_, _, "rate_limit") => Failure::provider(said).retry_after(retry_after.or(Some(1))),
        (_, "idempotency_error" | "card_error", _) => Failure::tenant(said),
        (403, ..) => Failure::end_user(said),
        (400 | 402 | 404, ..) => Failure::tenant(said),
        (409 | 424 | 500..=599, ..) | (_, "api_error", _) => Failure::provider(said).retry_after(retry_after),
        _ => Failure::plugin(said),
    }
}
