//! What all of Google's answers have in common: errors with a reason, which tells a limit from a refusal.

use patchbay_plugin::{Failure, answered};
use serde::Deserialize;

#[derive(Deserialize)]
struct Refusal {
    error: Error,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Error {
    message: String,
    errors: Vec<Detail>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Detail {
    reason: String,
}

/// The failure that a refusal stands for. Google answers 403 for limits as well as for a lack of permission.
pub fn failure(status: u16, body: &[u8], retry_after: Option<u32>) -> Failure {
    let Error { message, errors } = serde_json::from_slice::<Refusal>(body).map(|r| r.error).unwrap_or_default();
    let reason = errors.into_iter().next().unwrap_or_default().reason;
    let said = answered("Google", status, &reason, &message);
    match (status, reason.as_str()) {
        (401, _) => Failure::end_user(said),
        // Google's advice is to wait longer each time, from a second on; the day's quota is given out anew at midnight.
        (403, "dailyLimitExceeded" | "quotaExceeded") => {
            Failure::provider(said).retry_after(retry_after.or(Some(3600)))
        }
        (403, "rateLimitExceeded" | "userRateLimitExceeded") | (429, _) => {
            Failure::provider(said).retry_after(retry_after.or(Some(5)))
        }
        // The tenant's own project has not switched the API on.
        (403, "accessNotConfigured") => Failure::tenant(said),
        // A rule of the calendar: only the organizer may change that, say.
        (403, "forbiddenForNonOrganizer" | "calendarUsageLimitsExceeded" | "forbiddenForServiceAccounts") => {
            Failure::tenant(said)
        }
        (403, _) => Failure::end_user(said),
        (410, "fullSyncRequired" | "updatedMinTooLongAgo") => Failure::cursor_expired(said),
        (400 | 404 | 409 | 410 | 412, _) => Failure::tenant(said),
        (500..=599, _) => Failure::provider(said).retry_after(retry_after),
        _ => Failure::plugin(said),
    }
}
