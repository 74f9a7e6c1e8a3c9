//! The hosted connect page: what it shows when, as pure functions. The browser's part is in the binary.

pub mod fields;
pub mod find;
pub mod flow;
pub mod screen;
pub mod text;
