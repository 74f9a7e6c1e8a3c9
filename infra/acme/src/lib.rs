//! Acme, the demo provider: shops with orders and customers behind an OAuth 2 authorization server with a consent page.
//!
//! It stands in for a real third party in the demo, the tests and the benchmarks, so it is strict where real providers
//! are (exact redirect URIs, PKCE S256 required, refresh tokens that rotate and whose reuse ends the grant) and can be
//! told to misbehave: see [`Command`]. Records are generated, the same ones every time, and time inside the shop is
//! logical: the first record is from 2026-01-01, and every change is a second later than the one before.
//!
//! * OAuth: `/auth`, `/token`, `/token/revocation`, `/me`, `/.well-known/oauth-authorization-server`
//! * API: `/v1/orders`, `/v1/orders/{id}`, `POST /v1/orders/{id}/cancel`, `/v1/customers`, `/v1/webhooks`,
//!   `/v1/webhooks/{id}`, `/v1/blob/{size}`
//! * Mirrors: `/echo` tells what a request looked like, `/mirror` sends its body back
//! * Control: `POST /control` takes a [`Command`], `GET /control/calls` counts calls by path

mod api;
mod control;
mod fault;
mod grants;
mod issuer;
mod listing;
mod mirror;
mod oauth;
mod options;
mod pages;
mod random;
mod server;
mod shop;
mod state;
mod subscriptions;
#[cfg(test)]
mod tests;

pub use control::{Answer, Command};
pub use fault::{Fault, Misbehaviour};
pub use options::{Client, Options};
pub use server::Acme;
pub use shop::Kind;
