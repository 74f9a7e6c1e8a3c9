//! The portal: its addresses and its words, as pure functions. The browser's part is in the binary.

pub mod forms;
pub mod manifest;
pub mod route;
pub mod states;
pub mod text;
