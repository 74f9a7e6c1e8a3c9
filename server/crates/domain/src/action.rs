//! What becomes of a call of an action, and who may say so.
//!
//! An action has an effect outside, and nobody can take back what has left. So a call is performed **at most once**, unless
//! its manifest says that repeating it is safe (`is_idempotent`):
//!
//! ```text
//!            nothing was sent            something may have been sent
//!   (new) ──▶ accepted ─────────────────▶ running ──▶ succeeded
//!               │                           │   ├───▶ failed      the plugin, or the host before anything was sent, said so
//!               └──▶ failed                 │   └───▶ unknown     nobody can tell whether it was performed
//!                                           └──▶ running          again, where it is idempotent
//! ```
//!
//! * `accepted` is committed before the caller hears that the call was taken. It waits in the queue; a worker that dies
//!   now has sent nothing, and another begins from the start.
//! * `running` is committed before the plugin is called, under a fencing number and until a time. Whoever finds a run in
//!   this state, and not in the hands of a living worker, knows that the call may have got through: it becomes `unknown`,
//!   and is not repeated ([`take_up`]).
//! * `succeeded`, `failed` and `unknown` are final. What was told of a call once is never told otherwise.
//!
//! What an `Idempotency-Key` promises follows: the key is bound to the run in the transaction that takes the call, a unique
//! index lets one run in, and every later call with that key is answered from the run, whatever its state.
//!
//! Whether something may have been sent is not the plugin's to say: the host watches what leaves ([`Sent`]). A plugin that
//! reports a failure after a write that was never answered ends in `unknown`, not in `failed`; one that breaks down before
//! it wrote anything ends in `failed`.

use crate::run::words;

words! {
    /// Where a call of an action stands.
    ActionState {
        /// It waits to be performed; nothing was sent.
        Accepted = "accepted",
        /// It is being performed.
        Running = "running",
        /// It was performed.
        Succeeded = "succeeded",
        /// It was not performed, as far as the one who was asked to says.
        Failed = "failed",
        /// Nobody can tell whether it was performed.
        Unknown = "unknown",
    }
}

impl ActionState {
    /// Whether nothing more becomes of it.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Unknown)
    }
}

/// What there is to do for somebody who finds a call that nobody is at work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakeUp {
    /// Perform it: nothing was sent yet, or it does no harm to send it again.
    Perform,
    /// Say that nobody can tell.
    Unknown,
    /// Nothing.
    Nothing,
}

/// So often a call that may be repeated is performed, then nobody can tell.
pub const MOST_TRIES: u32 = 3;

/// What there is to do about a call in this state that nobody is at work on. `tries` counts how often it was begun.
#[must_use]
pub const fn take_up(state: ActionState, is_idempotent: bool, tries: u32) -> TakeUp {
    match state {
        ActionState::Accepted => TakeUp::Perform,
        ActionState::Running if is_idempotent && tries < MOST_TRIES => TakeUp::Perform,
        ActionState::Running => TakeUp::Unknown,
        ActionState::Succeeded | ActionState::Failed | ActionState::Unknown => TakeUp::Nothing,
    }
}

/// What left for the provider while the plugin was at work, reading apart (GET, HEAD and OPTIONS are safe by RFC 9110
/// section 9.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sent {
    /// Nothing.
    #[default]
    Nothing,
    /// Something, and the provider answered each time.
    Answered,
    /// Something that was never answered.
    Unanswered,
}

/// How the plugin's part ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It gave an output that is what its schema says.
    Well,
    /// It said that it failed.
    Refused,
    /// It broke down, took too long, or gave something else than its schema says.
    Broken,
}

/// The state that a performed call ends in.
#[must_use]
pub const fn verdict(ended: Ended, sent: Sent) -> ActionState {
    match (ended, sent) {
        (Ended::Well, _) => ActionState::Succeeded,
        (Ended::Refused, Sent::Nothing | Sent::Answered) | (Ended::Broken, Sent::Nothing) => ActionState::Failed,
        (Ended::Refused, Sent::Unanswered) | (Ended::Broken, Sent::Answered | Sent::Unanswered) => ActionState::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_7_a_call_that_may_have_got_through_is_not_repeated_unless_that_is_safe() {
        use ActionState::{Accepted, Failed, Running, Succeeded, Unknown};
        for is_idempotent in [false, true] {
            assert_eq!(take_up(Accepted, is_idempotent, 0), TakeUp::Perform, "nothing was sent");
            for over in [Succeeded, Failed, Unknown] {
                assert!(over.is_over());
                assert_eq!(take_up(over, is_idempotent, 1), TakeUp::Nothing, "what was told is final");
            }
        }
        assert_eq!(take_up(Running, false, 1), TakeUp::Unknown);
        assert_eq!(take_up(Running, true, 1), TakeUp::Perform);
        assert_eq!(take_up(Running, true, MOST_TRIES), TakeUp::Unknown, "not for ever");
    }

    #[test]
    fn e_7_failed_means_that_nothing_was_done() {
        for sent in [Sent::Nothing, Sent::Answered, Sent::Unanswered] {
            assert_eq!(verdict(Ended::Well, sent), ActionState::Succeeded);
        }
        assert_eq!(verdict(Ended::Refused, Sent::Answered), ActionState::Failed, "the provider said no");
        assert_eq!(verdict(Ended::Refused, Sent::Unanswered), ActionState::Unknown, "the plugin cannot know");
        assert_eq!(verdict(Ended::Broken, Sent::Nothing), ActionState::Failed);
        assert_eq!(verdict(Ended::Broken, Sent::Answered), ActionState::Unknown, "the provider may have said yes");
    }

    #[test]
    fn states_are_read_as_they_are_written() {
        for state in ["accepted", "running", "succeeded", "failed", "unknown"] {
            assert_eq!(ActionState::parse(state).unwrap().as_str(), state);
        }
        assert_eq!(ActionState::parse("done"), None);
    }
}
