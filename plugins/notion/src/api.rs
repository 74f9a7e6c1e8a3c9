//! What all of Notion's answers have in common: errors with a code.

use patchbay_plugin::{Failure, answered};
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Refusal {
    code: String,
    message: String,
}

/// The failure that a refusal stands for.
pub fn failure(status: u16, body: &[u8], retry_after: Option<u32>) -> Failure {
    let Refusal { code, message } = serde_json::from_slice(body).unwrap_or_default();
    let said = answered("Notion", status, &code, &message);
    match (status, code.as_str()) {
        (401, _) | (_, "unauthorized") => Failure::end_user(said),
        (429, _) | (_, "rate_limited") => Failure::provider(said).retry_after(retry_after.or(Some(1))),
        (403, _) | (_, "restricted_resource") => Failure::end_user(said),
        // Notion's advice for a conflict is to try again.
        (409, _) | (500..=599, _) => Failure::provider(said).retry_after(retry_after),
        (400, "validation_error") if message.contains("start_cursor") => Failure::cursor_expired(said),
        // Not there, or not shared with the connection: `object_not_found` is both.
        (404, _) | (400, "validation_error") => Failure::tenant(said),
        (400, "invalid_json" | "invalid_request_url" | "missing_version") => Failure::plugin(said),
        (400, _) => Failure::tenant(said),
        _ => Failure::plugin(said),
    }
}
