//! Ways in, against servers on the loopback network that behave as badly as real ones, and against real ones.
#![cfg(test)]

mod answers;
mod begin;
mod browser;
#[expect(dead_code, reason = "made for other tests too, which need more of it")]
#[path = "../../../../../tests/all/support/children.rs"]
mod children;
mod client_auth;
mod client_certificate;
mod device;
mod dpop;
mod exchange;
mod fixture;
mod identity;
mod installation;
mod jwt;
mod mcp;
#[path = "../../../../../tests/all/support/node.rs"]
mod node;
mod oauth1;
mod oidc;
mod paths;
mod placement;
mod refresh;
mod revoke;
#[path = "../../../egress/tests/egress/server.rs"]
mod server;
mod session;
mod signatures;
