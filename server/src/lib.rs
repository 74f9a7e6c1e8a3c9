//! Patchbay: connects end users' accounts at third-party providers and keeps those connections alive.
//!
//! This package is the HTTP edge, the wiring of jobs and the composition root. The use cases are in `flows`.

pub mod boot;
pub mod cli;
pub mod config;
pub mod http;
pub mod jobs;
pub mod log;
pub mod system;
