//! The records that syncs have brought: their change feed, exports, how they are kept, and how they lie sealed.

mod export;
mod export_parquet;
mod keep;
mod key;
mod list;
mod parts;
mod policy;
mod project;
mod shown;

pub use export::{Export, ExportError, ExportFormat, export, export_places};
pub use keep::{Kept, keep};
pub(crate) use key::{find_or_make as find_or_make_key, seal_all};
pub use list::{ListError, RecordList, Wanted, list};
pub use policy::{PolicyError, get as get_policy, set as set_policy};
pub use project::Fields;
pub use shown::{RecordView, write_json};
