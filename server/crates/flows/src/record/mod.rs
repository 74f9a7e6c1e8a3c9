//! The records that syncs have brought.

mod list;

pub use list::{ListError, RecordList, list};
