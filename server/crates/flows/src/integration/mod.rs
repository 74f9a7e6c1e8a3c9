//! Integrations: providers as configured in an environment.

mod check;
mod create;
mod delete;
mod get;
mod update;

pub(crate) use check::{INSTALL_NAME, scopes as check_scopes, variables as check_variables};
pub use create::{NewIntegration, create};
pub use delete::delete;
pub(crate) use get::find;
pub use get::{IntegrationView, get, list};
pub use update::{Changes, update};

use store::StoreError;

use crate::credentials::SealError;

/// Why an integration was not configured, changed, found or removed.
#[derive(Debug, thiserror::Error)]
pub enum IntegrationError {
    /// No provider of that slug is installed.
    #[error("there is no provider `{slug}`")]
    UnknownProvider {
        /// What was asked for.
        slug: String,
    },
    /// Fields that are not what they must be, each with what it must be.
    #[error("some fields are not what they must be")]
    Fields(Vec<(String, String)>),
    /// The slug is taken in this environment.
    #[error("there is an integration `{0}` already")]
    SlugTaken(String),
    /// No such integration in this environment.
    #[error("there is no such integration")]
    NotFound,
    /// Connections were made through it.
    #[error("the integration still has connections")]
    InUse,
    /// The client secret could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for IntegrationError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}
