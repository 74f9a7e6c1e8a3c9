//! What all of Ghost's answers have in common: a list of errors, each with a message and where it helps a context.

use patchbay_plugin::{Failure, answered};
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Refusal {
    errors: Vec<Refused>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Refused {
    message: String,
    context: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    code: Option<String>,
}

/// The failure that a refusal stands for.
pub fn failure(status: u16, body: &[u8], retry_after: Option<u32>) -> Failure {
    let Refusal { errors } = serde_json::from_slice(body).unwrap_or_default();
    let Refused { message, context, kind, code } = errors.into_iter().next().unwrap_or_default();
    let message = match context {
        Some(context) if !context.is_empty() => format!("{message} {context}"),
        _ => message,
    };
    let said = answered("Ghost", status, code.as_deref().unwrap_or(&kind), &message);
    match status {
        401 | 403 => Failure::end_user(said),
        429 => Failure::provider(said).retry_after(retry_after),
        // Also while it is started or updated, and then it says so itself.
        500..=599 => Failure::provider(said).retry_after(retry_after),
        400 if message.contains("filter") => Failure::plugin(said),
        400 | 404 | 409 | 413 | 415 | 422 => Failure::tenant(said),
        _ => Failure::plugin(said),
    }
}
