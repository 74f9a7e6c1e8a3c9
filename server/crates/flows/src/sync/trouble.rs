//! What stopped a run, who has to do something about it, and whether it is worth trying again.

use std::time::Duration;

use domain::{connection::ReauthCause, run::Blame};
use plugin_host::PluginError;
use store::{RunFailure, StoreError};

use super::ingest::IngestError;
use crate::credentials::FreshError;

/// Why a run does not go on right now.
#[derive(Debug)]
pub(super) struct Trouble {
    /// What the run's history says if it is given up.
    pub failure: RunFailure,
    /// What to do next.
    pub next: Next,
}

/// What to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Take the run up again later; not before this much later if somebody said so.
    Retry(Option<Duration>),
    /// Take the run up again when there is an instance of the plugin for it. Nothing was tried.
    Wait,
    /// Give the run up; the next one goes on at the last page.
    GiveUp,
    /// Give the run up, and have the end user connect again.
    AskEndUser(ReauthCause),
    /// The provider does not know the cursor any more: begin anew, in full.
    BeginAnew,
}

/// The run cannot even be described as failed.
#[derive(Debug)]
pub(super) enum Stop {
    /// It is described.
    Trouble(Trouble),
    /// The database failed, or the run is another worker's.
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Trouble {
    pub(super) fn new(code: &str, message: impl Into<String>, blame: Blame, next: Next) -> Self {
        // Postgres' text takes no NUL.
        let mut message = message.into().replace('\0', "\u{fffd}");
        message.truncate(message.floor_char_boundary(2_000));
        Self { failure: RunFailure { code: code.to_owned(), message, blame }, next }
    }
}

impl From<PluginError> for Trouble {
    fn from(error: PluginError) -> Self {
        let text = error.to_string();
        let failure = match error {
            PluginError::Failure(failure) => failure,
            PluginError::Busy { .. } => return Self::new("platform", text, Blame::Platform, Next::Wait),
            PluginError::Over | PluginError::Internal(_) => {
                return Self::new("platform", text, Blame::Platform, Next::Retry(None));
            }
            other => return Self::new(other.code(), text, Blame::Plugin, Next::GiveUp),
        };
        match failure.blame {
            plugin_host::Blame::EndUser => {
                Self::new("needs_reauth", text, Blame::EndUser, Next::AskEndUser(ReauthCause::Revoked))
            }
            plugin_host::Blame::Tenant => Self::new("misconfigured", text, Blame::Tenant, Next::GiveUp),
            plugin_host::Blame::Provider => {
                let code = if failure.retry_after.is_some() { "throttled" } else { "provider_failed" };
                Self::new(code, text, Blame::Provider, Next::Retry(failure.retry_after))
            }
            plugin_host::Blame::Plugin => Self::new("plugin_failed", text, Blame::Plugin, Next::GiveUp),
            plugin_host::Blame::CursorExpired => Self::new("cursor_expired", text, Blame::Plugin, Next::BeginAnew),
            plugin_host::Blame::Us => Self::new("platform", text, Blame::Platform, Next::Retry(None)),
        }
    }
}

impl From<FreshError> for Stop {
    fn from(error: FreshError) -> Self {
        let text = error.to_string();
        Self::Trouble(match error {
            FreshError::Store(error) => return Self::Store(error),
            FreshError::NotFound => return Self::Store(StoreError::NotFound),
            // Whoever found that out has moved the connection already.
            FreshError::NeedsReauth { .. } => Trouble::new("needs_reauth", text, Blame::EndUser, Next::GiveUp),
            FreshError::NotUsable { .. } => Trouble::new("not_connected", text, Blame::Tenant, Next::GiveUp),
            FreshError::Misconfigured { .. } => Trouble::new("misconfigured", text, Blame::Tenant, Next::GiveUp),
            FreshError::ProviderDown { retry_after, .. } => {
                Trouble::new("provider_failed", text, Blame::Provider, Next::Retry(Some(retry_after)))
            }
            FreshError::Keys(_) => Trouble::new("key_service", text, Blame::Platform, Next::Retry(None)),
            FreshError::Internal(_) => Trouble::new("platform", text, Blame::Platform, Next::Retry(None)),
        })
    }
}

impl From<IngestError> for Stop {
    fn from(error: IngestError) -> Self {
        let text = error.to_string();
        match error {
            IngestError::Store(error) => Self::Store(error),
            IngestError::BadRecord { .. } => {
                Self::Trouble(Trouble::new("bad_record", text, Blame::Plugin, Next::GiveUp))
            }
            IngestError::Internal(_) => {
                Self::Trouble(Trouble::new("platform", text, Blame::Platform, Next::Retry(None)))
            }
        }
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(blame: plugin_host::Blame, retry_after: Option<Duration>) -> Trouble {
        PluginError::Failure(plugin_host::Failure { blame, message: "m".into(), retry_after }).into()
    }

    #[test]
    fn c_5_who_is_to_blame_decides_what_happens_next() {
        use plugin_host::Blame as Said;
        let minute = Some(Duration::from_secs(60));
        for (said, after, blame, next) in [
            (Said::EndUser, None, Blame::EndUser, Next::AskEndUser(ReauthCause::Revoked)),
            (Said::Tenant, None, Blame::Tenant, Next::GiveUp),
            (Said::Provider, None, Blame::Provider, Next::Retry(None)),
            (Said::Provider, minute, Blame::Provider, Next::Retry(minute)),
            (Said::Plugin, None, Blame::Plugin, Next::GiveUp),
            (Said::CursorExpired, None, Blame::Plugin, Next::BeginAnew),
        ] {
            let trouble = failure(said, after);
            assert_eq!((trouble.failure.blame, trouble.next), (blame, next));
        }
        let crash: Trouble = PluginError::Trapped { reason: "r".into() }.into();
        assert_eq!((crash.failure.blame, crash.next), (Blame::Plugin, Next::GiveUp));
        let busy: Trouble = PluginError::Busy { instances: 1 }.into();
        assert_eq!((busy.failure.blame, busy.next), (Blame::Platform, Next::Wait), "no try of the run's");
        let over: Trouble = PluginError::Over.into();
        assert_eq!((over.failure.blame, over.next), (Blame::Platform, Next::Retry(None)));
    }
}
