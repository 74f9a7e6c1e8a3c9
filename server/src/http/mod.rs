//! The HTTP edge: who is asking ([`principal`]), what they may ask ([`routes`]), and what they are told when it goes
//! wrong ([`problem`]). Handlers call one flow each; no rule of the product lives here.

pub mod assets;
pub mod extract;
pub mod openapi;
pub mod principal;
pub mod problem;
pub mod problems;
pub mod rate_limit;
pub mod routes;
pub mod security_headers;
pub mod senders;
pub mod show;

mod actions;
mod api_keys;
mod connect_page;
mod connect_sessions;
mod connections;
mod deliveries;
mod endpoints;
mod health;
mod imports;
mod inbound;
mod integrations;
mod operator;
mod plugins;
mod portal;
mod providers;
mod proxy;
mod records;
mod request_log;
mod revocations;
mod runs;
mod state;
mod syncs;

pub use request_log::canonical_line;
pub use state::{AppState, Meters};
