//! Runs plugins: WebAssembly components of the frozen world in `sdk-plugin/wit`, each in an instance of its own, within
//! limits, with nothing of the outside world but what is handed in as [`Capabilities`]. The only crate that knows wasmtime.
//!
//! [`PluginHost::load`] turns bytes into a [`Plugin`], [`Plugin::session`] makes a fresh instance of it for one run or
//! one call, and [`PluginSession`]'s methods are the contract's functions.

mod abi;
mod artefacts;
mod capabilities;
mod component;
mod error;
mod host;
mod limits;
mod plugin;
mod session;
mod ticker;
mod types;

pub use capabilities::{
    Capabilities,
    http::{HostHttp, HttpFault, HttpRequest, HttpResponse, NoHttp},
    log::{HostLog, LogBuffer, LogLevel, LogLine},
};
pub use error::{Blame, Failure, LoadError, PluginError, StartError};
pub use host::{HostConfig, Owner, PluginHost};
pub use limits::{PluginLimits, Usage};
pub use plugin::{Plugin, PluginId};
pub use session::PluginSession;
pub use types::{Connection, Identity, Item, Page, Route, Webhook};
