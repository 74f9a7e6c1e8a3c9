//! Failures that name who is to blame, because that decides what happens next.

use crate::{Blame, Failure, abi::patchbay::plugin::http::Fault};

impl Failure {
    fn new(blame: Blame, message: impl Into<String>) -> Self {
        Self { blame, message: message.into(), retry_after: None }
    }

    /// The end user must connect again: the grant was revoked or lacks a scope.
    pub fn end_user(message: impl Into<String>) -> Self {
        Self::new(Blame::EndUser, message)
    }

    /// The tenant's configuration or input is wrong.
    pub fn tenant(message: impl Into<String>) -> Self {
        Self::new(Blame::Tenant, message)
    }

    /// The provider answers wrongly or not at all. Tried again later.
    pub fn provider(message: impl Into<String>) -> Self {
        Self::new(Blame::Provider, message)
    }

    /// The plugin met what it was not written for.
    pub fn plugin(message: impl Into<String>) -> Self {
        Self::new(Blame::Plugin, message)
    }

    /// The cursor is no longer known at the provider. The host begins the stream anew, in full.
    pub fn cursor_expired(message: impl Into<String>) -> Self {
        Self::new(Blame::CursorExpired, message)
    }

    /// Not before this many seconds from now.
    #[must_use]
    pub fn retry_after(mut self, seconds: Option<u32>) -> Self {
        self.retry_after = seconds;
        self
    }
}

/// What a refusal said, in one sentence for a [`Failure`]: who answered with which status, the provider's code for it and
/// its words. What is empty is left out.
#[must_use]
pub fn answered(who: &str, status: u16, code: &str, message: &str) -> String {
    let code = if code.is_empty() { String::new() } else { format!(" ({code})") };
    if message.is_empty() {
        format!("{who} answered {status}{code}.")
    } else {
        format!("{who} answered {status}{code}: {message}")
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Denied(why) => Self::plugin(why),
            Fault::Timeout => Self::provider("The provider did not answer in time."),
            Fault::TooLarge => Self::plugin("The answer is larger than a plugin may read. Ask for smaller pages."),
            Fault::Exhausted => Self::plugin("The plugin made more HTTP calls for one page than it may."),
            Fault::Throttled(seconds) => {
                Self::provider("The provider's rate limit is used up for now.").retry_after(Some(seconds))
            }
            Fault::Unauthorized => Self::end_user("The connection's credential is not usable. Connect again."),
            Fault::Transport(why) => Self::provider(format!("The provider cannot be reached: {why}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::answered;

    #[test]
    fn what_is_empty_is_left_out() {
        assert_eq!(answered("Acme", 404, "no_order", "There is none."), "Acme answered 404 (no_order): There is none.");
        assert_eq!(answered("Acme", 503, "", ""), "Acme answered 503.");
        assert_eq!(answered("Acme", 429, "", "Retry later"), "Acme answered 429: Retry later");
    }
}
