//! Connections: what becomes of them after they were made.

mod bulk;
mod delete;
mod export;
mod get;
mod health;
mod import;
mod list;
mod release;
mod revoke;
mod revoke_many;
mod rows;
mod stop;
mod update;
mod update_many;

pub use auth::Revokes;
pub use bulk::{BulkError, MOST_TOGETHER, Taken, Taking, get_import, open_import, take as take_rows};
pub use delete::{DeleteError, DeleteJob, Deleted, QUEUE as DELETE_QUEUE, delete, finish as finish_delete};
pub use export::{ExportError, export};
pub use get::{ConnectionView, get};
pub(crate) use health::found_again;
pub use health::needs_reauth;
pub use import::{Import, ImportError, ImportedTokens, import};
pub use list::{ListFilter, list};
pub use revoke::{QUEUE as REVOKE_QUEUE, RevokeError, RevokeJob, Revoked, one as revoke_one, revoke};
pub use revoke_many::{
    Concerned, RunView, Worked, begin as revoke_many, count as count_revocable, open as open_revocation_run,
    revocations, view as revocation_run, work as revoke_run,
};
pub use rows::{Format, LONGEST_ROW, Row, Rows, RowsError, Said};
pub use update::{Change, ConnectionChanges, UpdateError, update};
pub use update_many::{MOST_UPDATED, UpdateManyError, UpdatedMany, Which, update_many};
