//! Every way to be let in at a provider. OAuth 2 authorization code with PKCE: authorize URL, callback, code exchange,
//! refresh, revocation; the tolerant parser of token answers; the identity call; placement of credentials.

pub mod answer;
pub mod callback;
mod client;
mod failure;
pub mod identity;
pub mod path;
pub mod placement;
mod refused;
mod revoke;
mod tokens;

pub use client::{AuthorizationCodeClient, Begun};
/// Credentials that need no exchange: bearer token, key in a header or in the query, Basic.
pub use egress::Credential;
pub use failure::{Failure, Misconfigured};
pub use revoke::Revocation;
pub use tokens::{TokenSet, UnsealError};
