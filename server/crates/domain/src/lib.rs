//! The pure heart: entities, state machines, the provider manifest, templates and schedules.
//! No I/O, no clock and no randomness of its own: those are handed in.

pub mod clock;
pub mod entropy;
pub mod manifest;
pub mod mint;
pub mod scope;
pub mod secret;

pub use scope::Scope;
