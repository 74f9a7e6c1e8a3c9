//! Connect sessions and the attempts within them, as state machines.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};

/// How long a session may be used.
pub const SESSION_LIFETIME: TimeDelta = TimeDelta::minutes(30);
/// How long an end user may take at the provider.
pub const ATTEMPT_LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// How long an install that began at a vendor's marketplace waits to be claimed, and its code to be exchanged.
pub const INSTALL_LIFETIME: TimeDelta = TimeDelta::hours(1);
/// How long after its end a session that made a connection may still be read, so that the page can show the first sync.
pub const AFTERGLOW: TimeDelta = TimeDelta::minutes(30);

/// A tenant's end user, in the tenant's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndUser {
    /// The tenant's own id of them.
    pub id: String,
    /// What the tenant calls them.
    pub name: Option<String>,
}

/// What is stored of where a session stands; expiry is by time and stored nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionState {
    /// May be used.
    Open,
    /// A connection was made or repaired.
    Connected,
    /// The tenant withdrew it.
    Revoked,
}

/// Where a session stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionStatus {
    /// May be used.
    Open,
    /// May be used, and an attempt is under way.
    InProgress,
    /// A connection was made or repaired.
    Connected,
    /// Its time is over.
    Expired,
    /// The tenant withdrew it.
    Revoked,
}

impl SessionState {
    /// Where the session stands now. `under_way`: whether its latest attempt is.
    #[must_use]
    pub fn status(self, expires_at: DateTime<Utc>, under_way: bool, now: DateTime<Utc>) -> SessionStatus {
        match self {
            Self::Connected => SessionStatus::Connected,
            Self::Revoked => SessionStatus::Revoked,
            // An attempt that was begun in time may end after the session's time.
            Self::Open if under_way => SessionStatus::InProgress,
            Self::Open if now >= expires_at => SessionStatus::Expired,
            Self::Open => SessionStatus::Open,
        }
    }

    /// The text form, as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Connected => "connected",
            Self::Revoked => "revoked",
        }
    }
}

/// Where an attempt stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptState {
    /// The end user is at the provider.
    Pending,
    /// The callback took it; the code is being exchanged.
    Consumed,
    /// A connection was made or repaired.
    Connected,
    /// It failed.
    Failed(Failure),
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Stable code.
    pub code: FailureCode,
    /// The same in words, for the tenant's developers; never a secret.
    pub detail: String,
    /// The provider's own words for people, where it gave some and they are just heard: they are not kept.
    pub said: Option<String>,
}

impl Failure {
    /// One of which the provider said nothing itself.
    #[must_use]
    pub fn new(code: FailureCode, detail: String) -> Self {
        Self { code, detail, said: None }
    }
}

/// Why an attempt failed, as a code; each has its own screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureCode {
    /// The end user said no at the provider.
    ConsentDenied,
    /// The provider answered with an error.
    ProviderError,
    /// The provider could not be reached.
    ProviderUnreachable,
    /// The integration's client id, secret, redirect URI or scopes are refused.
    Misconfigured,
    /// Another account than the one being repaired.
    DifferentAccount,
    /// It took longer than it may.
    Expired,
}

impl FailureCode {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ConsentDenied,
        Self::ProviderError,
        Self::ProviderUnreachable,
        Self::Misconfigured,
        Self::DifferentAccount,
        Self::Expired,
    ];

    /// The text form, as stored and as in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConsentDenied => "consent_denied",
            Self::ProviderError => "provider_error",
            Self::ProviderUnreachable => "provider_unreachable",
            Self::Misconfigured => "misconfigured",
            Self::DifferentAccount => "different_account",
            Self::Expired => "expired",
        }
    }

    /// What an error code in the callback says (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6).
    #[must_use]
    pub fn of_callback(error: &str) -> Self {
        match error {
            "access_denied" | "consent_required" | "user_cancelled" => Self::ConsentDenied,
            "unauthorized_client"
            | "invalid_scope"
            | "invalid_request"
            | "invalid_client"
            | "invalid_target"
            | "unsupported_response_type"
            | "redirect_uri_mismatch" => Self::Misconfigured,
            _ => Self::ProviderError,
        }
    }
}

/// Where the provider's page was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Display {
    /// In a window of its own, which tells its opener and closes.
    Popup,
    /// In the same tab, which then goes on.
    Redirect,
    /// Nowhere here: a code is typed in on another device.
    Device,
}

impl Display {
    /// The text form, as stored and as in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Popup => "popup",
            Self::Redirect => "redirect",
            Self::Device => "device",
        }
    }
}

/// A text that is none of the states.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not known")]
pub struct Unknown(pub String);

impl FromStr for SessionState {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        let all = [Self::Open, Self::Connected, Self::Revoked];
        all.into_iter().find(|state| state.as_str() == text).ok_or_else(|| Unknown(text.to_owned()))
    }
}

impl FromStr for FailureCode {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        Self::ALL.into_iter().find(|code| code.as_str() == text).ok_or_else(|| Unknown(text.to_owned()))
    }
}

impl FromStr for Display {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        let all = [Self::Popup, Self::Redirect, Self::Device];
        all.into_iter().find(|display| display.as_str() == text).ok_or_else(|| Unknown(text.to_owned()))
    }
}

impl AttemptState {
    /// Rebuilds the state from its columns.
    ///
    /// # Errors
    /// The texts are not what is written.
    pub fn from_parts(state: &str, code: Option<&str>, detail: Option<&str>) -> Result<Self, Unknown> {
        Ok(match (state, code) {
            ("pending", None) => Self::Pending,
            ("consumed", None) => Self::Consumed,
            ("connected", None) => Self::Connected,
            ("failed", Some(code)) => Self::Failed(Failure::new(code.parse()?, detail.unwrap_or_default().to_owned())),
            _ => return Err(Unknown(format!("{state}/{}", code.unwrap_or("-")))),
        })
    }

    /// What the attempt says of its session: whether it is under way, and why it failed. An attempt that nobody came
    /// back from has failed by time, and one whose exchange a crash cut off as well.
    #[must_use]
    pub fn at(&self, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> (bool, Option<Failure>) {
        let expired = || {
            Failure::new(
                FailureCode::Expired,
                "nobody came back from the provider in time; a new attempt may be made".into(),
            )
        };
        match self {
            Self::Pending if now >= expires_at => (false, Some(expired())),
            // The exchange has deadlines of its own, far shorter than this.
            Self::Consumed if now >= expires_at + TimeDelta::minutes(5) => (false, Some(expired())),
            Self::Pending | Self::Consumed => (true, None),
            Self::Connected => (false, None),
            Self::Failed(failure) => (false, Some(failure.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: u32) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + i64::from(minute) * 60, 0).unwrap()
    }

    #[test]
    fn b_1_a_session_ends_by_time_unless_it_has_connected() {
        assert_eq!(SessionState::Open.status(at(30), false, at(29)), SessionStatus::Open);
        assert_eq!(SessionState::Open.status(at(30), false, at(30)), SessionStatus::Expired);
        assert_eq!(SessionState::Open.status(at(30), true, at(31)), SessionStatus::InProgress);
        assert_eq!(SessionState::Connected.status(at(30), false, at(99)), SessionStatus::Connected);
        assert_eq!(SessionState::Revoked.status(at(30), true, at(1)), SessionStatus::Revoked);
    }

    #[test]
    fn b_4_an_attempt_that_nobody_came_back_from_has_failed() {
        let (under_way, failure) = AttemptState::Pending.at(at(10), at(9));
        assert!(under_way && failure.is_none());
        let (under_way, failure) = AttemptState::Pending.at(at(10), at(10));
        assert_eq!((under_way, failure.map(|f| f.code)), (false, Some(FailureCode::Expired)));
        assert!(AttemptState::Consumed.at(at(10), at(10)).0, "the exchange may still be going on");
    }

    #[test]
    fn b_4_callback_errors_have_their_codes() {
        for code in FailureCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(code));
        }
        assert_eq!(FailureCode::of_callback("access_denied"), FailureCode::ConsentDenied);
        assert_eq!(FailureCode::of_callback("invalid_scope"), FailureCode::Misconfigured);
        assert_eq!(FailureCode::of_callback("server_error"), FailureCode::ProviderError);
        assert_eq!(FailureCode::of_callback("<script>"), FailureCode::ProviderError);
    }
}
