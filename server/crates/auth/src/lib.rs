//! Every way to be let in at a provider: [`Account`] is a manifest with the values of one integration and one connection,
//! and `mode` says how each mode begins, ends, renews and lets go. Beside it: the tolerant parser of token answers, the
//! identity call, the placement of credentials.

mod account;
pub mod answer;
mod assume;
mod call;
pub mod callback;
mod client;
mod credential;
mod device;
mod dpop;
mod endpoint;
mod failure;
pub mod identity;
pub mod install;
mod installation;
mod jws;
mod jwt;
mod material;
pub mod mcp;
mod mode;
mod oauth1;
mod oauth2;
pub mod path;
mod refused;
mod revoke;
mod session;
pub mod signals;
mod tokens;
pub mod webhook;
mod xml;

pub use account::{Account, Outside, Secrets, secrets_from_bytes, secrets_to_bytes};
pub use client::OAuth2Client;
pub use egress::Credential;
pub use failure::{Failure, Misconfigured};
pub use identity::Identity;
pub use material::Material;
pub use mode::{Beginning, Begun, DeviceBegun, Kept, Polled, brings_client};
pub use revoke::{Introspection, Revocation, Revokes};
pub use tokens::{TokenSet, UnsealError};
