//! OAuth 2 against servers on the loopback network that behave as badly as real ones.
#![cfg(test)]

mod answers;
mod begin;
mod exchange;
mod fixture;
mod identity;
mod refresh;
mod revoke;
#[path = "../../../egress/tests/egress/server.rs"]
mod server;
