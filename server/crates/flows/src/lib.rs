//! The use cases, each to be read aloud. HTTP handlers and jobs are two doors into them. A flow is handed a [`Ctx`]: who
//! acts, in which environment, and the services; it returns a typed outcome.
//!
//! No pooled connection and no transaction is ever held across a call to a provider, to the key service or into a plugin.

mod audit;
mod context;
mod places;
mod providers;

pub mod action;
pub mod budget;
pub mod connect;
pub mod connection;
pub mod credentials;
pub mod endpoint;
pub mod event;
mod fault;
pub mod inbound;
pub mod integration;
pub mod keys;
pub mod plugin;
pub mod provider;
pub mod proxy;
pub mod record;
pub mod sync;
pub mod tenant;
pub mod webhook;

pub use context::{Actor, Ctx, Services, Settings, sha256};
pub use places::{Place, Places};
pub use providers::{Provider, Providers, ProvidersError, PushedVersion};
