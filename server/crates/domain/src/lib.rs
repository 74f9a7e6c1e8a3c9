//! The pure heart: entities, state machines, the provider manifest, templates and schedules.
//! No I/O, no clock and no randomness of its own: those are handed in.

pub mod action;
pub mod api_key;
pub mod breaker;
pub mod budget;
pub mod clock;
pub mod connect;
pub mod connection;
pub mod content;
pub mod entropy;
pub mod feed;
pub mod manifest;
pub mod mint;
pub mod origin;
pub mod permission;
pub mod reach;
pub mod refresh;
pub mod retry;
pub mod revocation;
pub mod run;
pub mod schedule;
pub mod scope;
pub mod secret;
pub mod slug;
pub mod turns;

pub use scope::Scope;
