//! Runs a plugin without a server: recorded exchanges are replayed through the real plugin host, with the same limits
//! as in production. A fixture fails if the plugin asks for anything but what was recorded, asks on after the last
//! page, leaves recorded exchanges unasked, names a host that its manifest does not list, or gives something else than
//! was expected; and a pull is begun again at each of its cursors, which must give the rest of it again.

mod expectation;
mod fixture;
mod provider;
mod recorded;
mod replay;

pub use expectation::Expectation;
pub use fixture::{Call, Exchange, Fixture, RecordedFault, RecordedRequest, RecordedResponse};
pub use provider::ProviderFolder;
pub use replay::{Replayed, replay, replay_folder};

/// Why a replay failed, in words for the plugin's author. `Debug` is the same text, for tests that unwrap.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Mismatch(pub String);

impl std::fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
