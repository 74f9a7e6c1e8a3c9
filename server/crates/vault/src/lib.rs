//! Keys: who holds them, and what is sealed with them.
//!
//! A tenant's key never leaves the key service ([`KeyService`]: Vault transit, or the file keyring of a single machine). It
//! wraps the data keys of the tenant's environments; the wrapped form lies in Postgres. [`Sealer`] opens data keys, keeps
//! them in memory for a bounded time, and seals column values with them ([`Sealed`]), bound to the place where they lie. In
//! `direct` mode it has no data keys and every value goes to the key service. What governs keys ([`KeyGovernance`]: rotation,
//! retirement, destruction) is another identity's, which can open nothing.
//! Whatever is down, nothing is ever written or answered in plaintext instead.

mod cache;
mod error;
pub mod file_keyring;
mod key_service;
mod opened;
mod row_key;
mod seal;
mod sealer;
pub mod transit;
mod xaes;

pub use error::KeyError;
pub use file_keyring::FileKeyring;
pub use key_service::{DataKey, KeyGovernance, KeyHealth, KeyService, KeyVersions, WrappedKey};
pub use opened::Opened;
pub use row_key::RowKey;
pub use seal::{Place, Sealed};
pub use sealer::{DataKeyRecord, Sealer, SealerLimits, Sealing};
pub use transit::{TransitAuth, TransitConfig, TransitKeys};
