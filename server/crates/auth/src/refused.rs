//! From a provider's error codes to what to do. RFC 6749 §5.2 and RFC 8707 name the codes that count; the others are
//! spellings seen in the wild that mean the same.

use http::StatusCode;

use crate::{
    answer::Refusal,
    failure::{Failure, Misconfigured},
};

/// The grant is gone: only the end user can bring another.
const GRANT: &[&str] = &[
    "invalid_grant",
    "bad_refresh_token",
    "invalid_refresh_token",
    "refresh_token_invalid",
    "refresh_token_revoked",
    "token_revoked",
    "revoked_token",
    "invalid_token",
    "access_denied",
    "bad_verification_code",
    "invalid_code",
    "code_already_used",
    "account_inactive",
    "interaction_required",
    "consent_required",
    "login_required",
];
/// The same, because time is over.
const EXPIRED: &[&str] = &["expired_token", "token_expired", "refresh_token_expired", "code_expired"];
const CLIENT: &[&str] = &[
    "invalid_client",
    "unauthorized_client",
    "incorrect_client_credentials",
    "invalid_client_id",
    "bad_client_secret",
    "invalid_client_secret",
    "redirect_uri_mismatch",
    "bad_redirect_uri",
    "invalid_redirect_uri",
    "invalid_client_metadata",
    "application_suspended",
];
const REQUEST: &[&str] = &[
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "invalid_resource",
    "unsupported_grant_type",
    "unsupported_response_type",
    "invalid_dpop_proof",
];
const LATER: &[&str] = &["temporarily_unavailable", "server_error", "internal_error", "service_unavailable"];
const TOO_MANY: &[&str] =
    &["slow_down", "rate_limit_exceeded", "rate_limited", "ratelimited", "too_many_requests", "throttled"];

/// Sorts a refusal. The status goes first where it speaks of the provider's own state: nobody is asked to reconnect
/// because of an outage, whatever the body says.
pub(crate) fn sort(status: StatusCode, retry_after: Option<std::time::Duration>, refusal: Refusal) -> Failure {
    let Refusal { code, description } = refusal;
    let lower = code.to_ascii_lowercase();
    let is = |list: &[&str]| list.contains(&lower.as_str());
    if status == StatusCode::TOO_MANY_REQUESTS || is(TOO_MANY) {
        return Failure::Throttled { retry_after };
    }
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT || is(LATER) {
        let detail = format!("status {} ({code})", status.as_u16());
        return Failure::ProviderDown { detail, retry_after, may_have_acted: status.is_server_error() };
    }
    if is(EXPIRED) {
        return Failure::Expired;
    }
    if is(GRANT) {
        let says_expired = description.as_deref().is_some_and(|d| d.to_ascii_lowercase().contains("expired"));
        return if says_expired { Failure::Expired } else { Failure::Revoked { code } };
    }
    if is(CLIENT) {
        return Failure::ClientMisconfigured(Misconfigured::Client(code));
    }
    if is(REQUEST) {
        return Failure::ClientMisconfigured(Misconfigured::Request(code));
    }
    Failure::Refused { code, description }
}

/// A text of the provider's, fit for logs and screens: one line, 200 characters at most.
pub(crate) fn shown(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { c }).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}
