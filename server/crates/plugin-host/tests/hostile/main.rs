//! Plugins that mean no good, and files that are no plugins. Named after the lines of the security requirements.

mod artefacts;
mod guest;
mod limits;
mod neighbours;
mod outside;
mod refusals;
