//! The run's log, which the tenant can read. Lines are cut at 4 kB and a run keeps a bounded number of them.

use crate::abi::patchbay::plugin::log::{self, Level};

/// Of use while writing the plugin.
pub fn debug(message: &str) {
    log::write(Level::Debug, message);
}

/// What happened.
pub fn info(message: &str) {
    log::write(Level::Info, message);
}

/// What a person should look at some day.
pub fn warn(message: &str) {
    log::write(Level::Warn, message);
}

/// What went wrong.
pub fn error(message: &str) {
    log::write(Level::Error, message);
}

/// [`debug()`] with `format!`'s arguments.
#[macro_export]
macro_rules! debug {
    ($($words:tt)*) => { $crate::log::debug(&format!($($words)*)) };
}

/// [`info()`] with `format!`'s arguments.
#[macro_export]
macro_rules! info {
    ($($words:tt)*) => { $crate::log::info(&format!($($words)*)) };
}

/// [`warn()`] with `format!`'s arguments.
#[macro_export]
macro_rules! warn {
    ($($words:tt)*) => { $crate::log::warn(&format!($($words)*)) };
}

/// [`error()`] with `format!`'s arguments.
#[macro_export]
macro_rules! error {
    ($($words:tt)*) => { $crate::log::error(&format!($($words)*)) };
}
