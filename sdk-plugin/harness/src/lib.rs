//! Runs a plugin without a server: recorded exchanges are replayed through the real plugin host, with the same limits
//! as in production. A fixture fails if the plugin asks for anything but what was recorded, asks on after the last
//! page, leaves recorded exchanges unasked, names a host that its manifest does not list, has an action's input or output
//! break the schema that the manifest has for it, or gives something else than was expected; a pull is begun again at each
//! of its cursors, which must give the rest of it again; and all of it is run a second time and on another day, which must
//! give the same records.
//!
//! [`examine_folder`] does that for all fixtures of a folder and more: each request of each stream is answered with each
//! of the errors that an API has. [`compile`], [`probe`] and [`scaffold`] are the rest of an author's work: building a
//! plugin, holding it against its manifest, and beginning one.

pub mod capture;
pub mod compile;
mod component;
mod drawn;
pub mod dryrun;
mod examine;
mod expectation;
mod fixture;
mod injected;
pub mod probe;
mod provider;
mod recorded;
mod replay;
pub mod scaffold;
mod schemas;
mod stage;
mod statuses;
mod table;
mod variables;

pub use component::Interface;
pub use examine::{Examination, examine, examine_folder};
pub use expectation::Expectation;
pub use fixture::{Call, Exchange, Fixture, RecordedFault, RecordedRequest, RecordedResponse, RecordedWebhook};
pub use provider::ProviderFolder;
pub use replay::{Replayed, replay, replay_folder};
pub use stage::Largest;

/// Why a replay failed, in words for the plugin's author. `Debug` is the same text, for tests that unwrap.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Mismatch(pub String);

impl std::fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The guide's examples are compiled, so that they stay true.
#[cfg(doctest)]
#[doc = include_str!("../../GUIDE.md")]
struct Guide;
