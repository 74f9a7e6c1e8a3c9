//! Credentials: how they are sealed, how a connection's provider is called with one, and how one stays fresh.

mod account;
mod cache;
mod data_key;
mod flight;
mod fresh;
mod known;
mod proactive;
mod provider_access;
mod refresh;
mod said;

pub(crate) use account::{
    AccountError, account, app_url, client_metadata_url, client_secret_place, integration_secrets, outside,
    redirect_uri, seal_secrets,
};
pub use cache::ConnectionCache;
pub(crate) use data_key::data_key_for;
pub use data_key::{SealError, data_key, open, seal};
pub(crate) use fresh::as_it_is;
pub use fresh::{Fresh, FreshError, access, fresh, fresh_after_rejection};
pub(crate) use known::{access_of, place as credential_place};
pub use proactive::{AT_ONCE, AT_ONE_PROVIDER, Proactive, refresh_due};
pub(crate) use provider_access::{Parts, access_for, budget_for};
pub use provider_access::{ProviderAccess, UrlError};
pub(crate) use refresh::new_credential;
pub use said::{Said, after};
