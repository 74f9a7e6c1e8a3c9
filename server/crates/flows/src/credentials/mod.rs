//! Credentials: how they are sealed, how a connection's provider is called with one, and how one stays fresh.

mod cache;
mod client;
mod data_key;
mod fresh;
mod provider_access;
mod refresh;

pub use cache::ConnectionCache;
pub(crate) use client::{ClientError, authorization_code_client, redirect_uri, secret_place};
pub use data_key::{SealError, data_key, open, seal};
pub(crate) use fresh::place as credential_place;
pub use fresh::{Fresh, FreshError, Token, access, fresh, fresh_after_rejection};
pub(crate) use provider_access::{Parts, access_for};
pub use provider_access::{ProviderAccess, UrlError};
