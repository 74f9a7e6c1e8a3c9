//! The house rules, as tests: which way things point, what must be said where, and that what is generated is up to date.

mod contract;
mod dependencies;
mod guide;
mod migrations;
mod names;
pub(crate) mod openapi;
mod problems;
mod providers;
mod reasons;
mod schema;
mod tree;
mod twins;
mod walls;
mod words;
