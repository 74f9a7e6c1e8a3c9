//! Plugins that tenants push: versions that never change, each signed by a key that the environment trusts, and which of
//! them is in force there.
//!
//! A version is pushed once ([`push`]) and stays. Which is in force is the environment's pin ([`pin`], [`rollback`],
//! [`unpin`]): to upgrade and to go back moves the pin and nothing else, every node hears of it, and what begins afterwards
//! uses the other version. A run under way ends on the version that it began with (`run`). A version that asks for more
//! than the one before waits until somebody who may configure integrations has agreed ([`approve`]).
//!
//! Beside runs and actions a plugin is called when a connection was made (`after_connect`, by a job) and before one is
//! deleted (`before_delete`).
//!
//! Revoking a key stops what is pushed and pinned by its signatures from then on. What is in force stays in force, so that no
//! run is dropped, and the answer says what that is.

mod after_connect;
mod approve;
mod aside;
mod asks;
mod before_delete;
mod code;
mod keys;
mod list;
mod package;
mod pin;
mod push;
mod run;
mod signature;
mod version;
mod withdraw;

pub(crate) use after_connect::enqueue as enqueue_after_connect;
pub use after_connect::{
    AfterConnectJob, AfterConnected, QUEUE as AFTER_CONNECT_QUEUE, after_connect, give_up as give_up_after_connect,
};
pub use approve::approve;
pub(crate) use aside::session;
pub use asks::in_words;
pub(crate) use before_delete::before_delete;
pub use code::ProviderPlugin;
pub(crate) use code::Stored;
pub use keys::{KeysError, Revoked, list as list_keys, register as register_key, revoke as revoke_key};
pub use list::{Listed, get, plugins, versions};
pub use package::{MEDIA_TYPE, MOST_COMPONENT_BYTES, MOST_PACKAGE_BYTES, Package, PackageError};
pub use pin::{Pinned, pin, rollback, unpin};
pub use push::{PushError, Pushed, Reason, push};
pub(crate) use run::access_of_run;
pub use signature::{KeyError, PublicKey, Signed, SigningKey};
pub use version::parse as parse_version;
pub use withdraw::withdraw;

use store::StoreError;

/// Why a version is not found, not approved or not put in force.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// There is no such plugin or version in this environment.
    #[error("there is no such version")]
    NotFound,
    /// It is in a state that forbids it; which, and what to do.
    #[error("{0}")]
    Conflict(String),
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for VersionError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}
