//! Connections: what becomes of them after they were made.

mod delete;
mod get;
mod health;
mod import;
mod list;

pub use delete::{DeleteError, DeleteJob, Deleted, QUEUE as DELETE_QUEUE, delete, finish as finish_delete};
pub use get::{ConnectionView, get};
pub use health::needs_reauth;
pub use import::{Import, ImportError, ImportedTokens, import};
pub use list::{ListFilter, list};
