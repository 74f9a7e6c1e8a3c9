//! What all of HubSpot's answers have in common: errors with a category, limits with a policy.

use patchbay_plugin::{Failure, answered};
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Refusal {
    message: String,
    category: String,
    /// Which limit was passed: `DAILY`, `TEN_SECONDLY_ROLLING`, `SECONDLY`.
    policy_name: String,
}

/// The failure that a refusal stands for.
pub fn failure(status: u16, body: &[u8], retry_after: Option<u32>) -> Failure {
    let Refusal { message, category, policy_name } = serde_json::from_slice(body).unwrap_or_default();
    let said = answered("HubSpot", status, if category.is_empty() { &policy_name } else { &category }, &message);
    match (status, category.as_str()) {
        (401, _) | (_, "EXPIRED_AUTHENTICATION" | "INVALID_AUTHENTICATION" | "MISSING_SCOPES") => {
            Failure::end_user(said)
        }
        (429, _) | (_, "RATE_LIMITS") => Failure::provider(said).retry_after(retry_after.or(Some(wait(&policy_name)))),
        (403, _) => Failure::end_user(said),
        (400 | 404 | 405 | 409 | 415 | 422, _) => Failure::tenant(said),
        // 423 is a lock that HubSpot puts on an account for two seconds; 477 is an account on its way to another region.
        (423, _) => Failure::provider(said).retry_after(retry_after.or(Some(2))),
        (477 | 500..=599, _) => Failure::provider(said).retry_after(retry_after),
        _ => Failure::plugin(said),
    }
}

/// Seconds to wait where HubSpot does not say. The day ends at midnight in the account's own time zone, which is not
/// known here: an hour is a try now and then.
fn wait(policy: &str) -> u32 {
    match policy {
        "DAILY" => 3600,
        "SECONDLY" => 1,
        _ => 10,
    }
}
