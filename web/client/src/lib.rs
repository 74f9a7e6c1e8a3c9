//! The API as the pages call it: typed calls over `api-types`, problem documents as errors. Same origin only.

mod error;
mod query;

pub use error::ApiError;
pub use query::Query;

#[cfg(target_arch = "wasm32")]
mod connect;
#[cfg(target_arch = "wasm32")]
mod http;
#[cfg(target_arch = "wasm32")]
mod portal;

#[cfg(target_arch = "wasm32")]
pub use connect::ConnectClient;
#[cfg(target_arch = "wasm32")]
pub use http::when_signed_out;
#[cfg(target_arch = "wasm32")]
pub use portal::{PortalClient, me, sign_in, sign_out};
