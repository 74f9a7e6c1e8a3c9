//! Write a Patchbay provider in Rust: implement [`Provider`], name it in [`export!`], build it for
//! `wasm32-unknown-unknown`. The host gives HTTP with the connection's credential added outside the plugin, a log, a
//! clock and randomness; there is nothing else, and no way to a token. `README.md` beside this crate is the guide.

pub mod abi;
pub mod cursor;
pub mod http;
pub mod json;
pub mod log;
pub mod random;
pub mod time;

mod connection;
mod export;
mod failure;
mod input;
mod link;
mod page;
mod provider;
mod walk;
mod webhook;

pub use abi::patchbay::plugin::types::{Blame, Connection, Endpoint, Failure, Identity, Item, Page, Route, Webhook};
pub use export::Adapter;
pub use failure::answered;
pub use http::{Request, Response};
pub use input::read_input;
pub use provider::Provider;
pub use walk::{Changes, Walk};

/// JSON as the trait speaks it, so that a plugin need not name the crate itself.
pub use serde_json::{Value, json};

/// The guide's example is compiled, so that it stays true.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Guide;
