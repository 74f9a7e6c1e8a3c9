//! What all of Zendesk's answers have in common: its errors, which it writes in several ways.

use patchbay_plugin::{Failure, Value, answered};
use serde::Deserialize;

/// An error's body: `error` is a code with a description beside it, or an object with a title and a message.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Refusal {
    error: Value,
    description: Value,
    /// What is wrong, by field.
    details: Value,
}

/// The failure that a refusal stands for.
pub fn failure(status: u16, body: &[u8], retry_after: Option<u32>) -> Failure {
    let Refusal { error, description, details } = serde_json::from_slice(body).unwrap_or_default();
    let (code, message) = match &error {
        Value::Object(fields) => (fields.get("title"), fields.get("message")),
        code => (Some(code), Some(&description)),
    };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let (code, mut message) = (text(code), text(message));
    if !details.is_null() {
        message = format!("{message} {details}");
    }
    let said = answered("Zendesk", status, &code, &message);
    match status {
        401 | 403 => Failure::end_user(said),
        429 => Failure::provider(said).retry_after(retry_after.or(Some(60))),
        // A conflict in Zendesk's database, which it asks to try again; not one of the input.
        409 if code == "DatabaseConflict" => Failure::provider(said).retry_after(retry_after.or(Some(1))),
        400 | 404 | 409 | 413 | 422 => Failure::tenant(said),
        500..=599 => Failure::provider(said).retry_after(retry_after),
        _ => Failure::plugin(said),
    }
}
