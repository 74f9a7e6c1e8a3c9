//! What all of GitLab's answers have in common: its errors, which it writes in several ways.

use patchbay_plugin::{Failure, Response, Value, answered, time};
use serde::Deserialize;

/// An error's body: `message` is a text, or texts by field; OAuth's errors have `error` and its description.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Refusal {
    message: Value,
    error: String,
    error_description: String,
}

/// The answer if it is a success, else the failure that it stands for.
pub fn accept(answer: Response) -> Result<Response, Failure> {
    match answer.status {
        200..=299 => Ok(answer),
        status => Err(failure(status, &answer.body, wait(&answer))),
    }
}

/// The failure that a refusal stands for.
pub fn failure(status: u16, body: &[u8], retry_after: Option<u32>) -> Failure {
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let message = match refusal.message {
        Value::Null => refusal.error_description,
        Value::String(text) => text,
        by_field => by_field.to_string(),
    };
    let said = answered("GitLab", status, &refusal.error, &message);
    match status {
        // Revoked, without the scope that is needed, or without a role in that project.
        401 | 403 => Failure::end_user(said),
        400 | 404 | 405 | 409 | 412 | 422 => Failure::tenant(said),
        // Requests that came too often are answered in plain text.
        429 => Failure::provider(said).retry_after(retry_after.or(Some(60))),
        500..=599 => Failure::provider(said).retry_after(retry_after),
        _ => Failure::plugin(said),
    }
}

/// How long to wait: as it says, or else until its limit begins anew.
fn wait(answer: &Response) -> Option<u32> {
    answer.retry_after().or_else(|| {
        let reset: u64 = answer.header("ratelimit-reset")?.parse().ok()?;
        let used_up = answer.header("ratelimit-remaining") == Some("0");
        let seconds = reset.saturating_sub(time::now() / 1000).max(1);
        used_up.then(|| u32::try_from(seconds).unwrap_or(u32::MAX))
    })
}
