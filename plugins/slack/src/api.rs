//! What all of Slack's answers have in common: a refusal is a 200 with `ok: false` and a word for what is wrong.

use patchbay_plugin::{Failure, Response, answered, json};
use serde::Deserialize;

#[derive(Deserialize)]
struct Said {
    ok: bool,
    #[serde(default)]
    error: String,
    /// The scope that is missing.
    #[serde(default)]
    needed: String,
}

/// The answer if it is a success, else the failure that it stands for.
pub fn accept(answer: Response) -> Result<Response, Failure> {
    match failure(answer.status, &answer.body, answer.retry_after()) {
        Some(failure) => Err(failure),
        None if answer.status == 200 => Ok(answer),
        None => Err(Failure::plugin(answered("Slack", answer.status, "", "this plugin was not written for it"))),
    }
}

/// The failure that an answer stands for; none if it is a success or says nothing that Slack documents.
pub fn failure(status: u16, body: &[u8], retry_after: Option<u32>) -> Option<Failure> {
    let said = json::from_slice::<Said>(body).ok();
    if status == 200 && said.as_ref().is_some_and(|said| said.ok) {
        return None;
    }
    let (error, needed) = said.map(|said| (said.error, said.needed)).unwrap_or_default();
    let needed = if needed.is_empty() { needed } else { format!("the scope {needed} is needed") };
    let words = answered("Slack", status, &error, &needed);
    // A second is the shortest wait that Slack ever asks for.
    let wait = |failure: Failure| Some(failure.retry_after(retry_after.or(Some(1))));
    match (status, error.as_str()) {
        (429, _) | (_, "ratelimited" | "rate_limited") => wait(Failure::provider(words)),
        // The token is gone, or may not do this: the workspace must be asked again.
        (401 | 403, _)
        | (
            _,
            "account_inactive"
            | "app_not_installed"
            | "ekm_access_denied"
            | "enterprise_is_restricted"
            | "invalid_auth"
            | "missing_scope"
            | "no_permission"
            | "not_allowed_token_type"
            | "not_authed"
            | "org_login_required"
            | "team_access_not_granted"
            | "token_expired"
            | "token_revoked"
            | "two_factor_setup_required",
        ) => Some(Failure::end_user(words)),
        (_, "invalid_cursor") => Some(Failure::cursor_expired(words)),
        (500..=599, _)
        | (_, "fatal_error" | "internal_error" | "request_timeout" | "service_unavailable" | "team_added_to_org") => {
            Some(Failure::provider(words).retry_after(retry_after))
        }
        // How it was called, which is up to this plugin.
        (
            _,
            "invalid_arg_name" | "invalid_array_arg" | "invalid_charset" | "invalid_form_data" | "invalid_json"
            | "invalid_post_type" | "json_not_object" | "limit_required" | "method_deprecated" | "missing_post_type"
            | "unknown_method",
        ) => Some(Failure::plugin(words)),
        // What it was called with: the channel, the message, the workspace's own rules.
        (400 | 404 | 409, _) => Some(Failure::tenant(words)),
        (200, error) if !error.is_empty() => Some(Failure::tenant(words)),
        _ => None,
    }
}
