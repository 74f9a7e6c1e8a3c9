//! Providers as a tenant sees them: the installed ones, and those it describes itself for one of its environments. A
//! described one stands before an installed one of the same name.

mod delete;
mod get;
mod list;
mod put;

pub use delete::delete;
pub use get::{Detail, Origin, Version, get};
pub use list::list;
pub use put::{Description, put};

use store::StoreError;

/// Why a provider was not described, found or removed.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// There is no such provider in this environment.
    #[error("there is no such provider")]
    NotFound,
    /// The manifest is refused; where, and what to do.
    #[error("{0}")]
    Refused(String),
    /// Somebody else described it meanwhile.
    #[error("the provider is at version {0} by now")]
    Superseded(i32),
    /// A pushed plugin of that name is in force, in this version, and would stand before it.
    #[error("version {0} of a pushed plugin stands before it")]
    Pushed(String),
    /// Integrations use it.
    #[error("integrations use it: {0}")]
    InUse(i64),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
