//! What all of QuickBooks' answers have in common: faults, which may come with a 200.

use patchbay_plugin::{Failure, Response, answered, json};
use serde::Deserialize;

/// All requests ask for the same minor version, the only one that is kept.
pub const MINOR_VERSION: u32 = 75;

/// Faults of the API proper are written in capitals, those of the gateway before it are not.
#[derive(Deserialize)]
struct Refusal {
    #[serde(alias = "Fault", default)]
    fault: Option<Fault>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Fault {
    #[serde(alias = "Error")]
    error: Vec<Error>,
    /// `ValidationFault`, `SystemFault`, `AUTHENTICATION`, …
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Error {
    #[serde(alias = "Message")]
    message: String,
    #[serde(alias = "Detail")]
    detail: String,
    code: String,
}

/// The answer if it is a success, else the failure that it stands for.
pub fn accept(answer: Response) -> Result<Response, Failure> {
    match failure(answer.status, &answer.body, answer.retry_after()) {
        Some(failure) => Err(failure),
        None => Ok(answer),
    }
}

/// The failure that an answer stands for; none if it is a success.
pub fn failure(status: u16, body: &[u8], retry_after: Option<u32>) -> Option<Failure> {
    let fault = json::from_slice::<Refusal>(body).ok().and_then(|refusal| refusal.fault);
    if matches!(status, 200..=299) && fault.is_none() {
        return None;
    }
    let Fault { error, kind } = fault.unwrap_or_default();
    let Error { message, detail, code } = error.into_iter().next().unwrap_or_default();
    // Codes are numbers, here and there with zeroes before them.
    let code = code.trim_start_matches('0');
    let said = answered("QuickBooks", status, code, if detail.is_empty() { &message } else { &detail });
    Some(match (status, code, kind.to_ascii_uppercase().as_str()) {
        (429, ..) | (_, "3001", _) => Failure::provider(said).retry_after(retry_after.or(Some(60))),
        // The token, the user's rights, or the company's subscription, which has ended.
        (401 | 403, ..) | (_, "120" | "3100" | "3200" | "6190", _) | (_, _, "AUTHENTICATION" | "AUTHORIZATION") => {
            Failure::end_user(said)
        }
        (500..=599, ..) | (_, _, "SYSTEMFAULT" | "SERVICE") => Failure::provider(said).retry_after(retry_after),
        // Another has changed it meanwhile (5010), it is gone (610), its name is taken (6240), …
        (400 | 404 | 409, ..) | (_, _, "VALIDATIONFAULT") => Failure::tenant(said),
        _ => Failure::plugin(said),
    })
}
