//! What is wrong is refused with words that say what and what to do, and nothing already stored is lost.

mod bodies;
mod command_line;
mod fuzz;
pub(crate) mod guest;
mod plugins;
mod provider_command;
