//! What passes over the API: requests, answers, events and problem codes. Compiles to wasm32, so that the pages speak
//! the same words as the server. Only shapes live here, no rules.

pub mod action;
pub mod connect;
pub mod connection;
pub mod event;
pub mod inbound;
pub mod integration;
pub mod operator;
pub mod page;
pub mod plugin;
pub mod portal;
pub mod problem;
pub mod sync;

pub use page::Page;
pub use problem::{Problem, ProblemCode};

/// Derives what every type of the API derives.
macro_rules! api {
    ($($(#[$meta:meta])* pub $kind:ident $name:ident $body:tt)*) => {$(
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        $(#[$meta])*
        pub $kind $name $body
    )*};
}
pub(crate) use api;
