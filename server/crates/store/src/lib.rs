//! Postgres, the only database. A transaction says whose data it may touch when it begins ([`Store::begin`]); the
//! repositories hang off it, so a query outside a tenant and environment cannot be written by accident, and row-level
//! security stands behind it.

mod error;
mod listen;
mod migrate;
mod pool;
mod schema;
mod tx;

pub use error::StoreError;
pub use listen::{Listener, Notice};
pub use migrate::{MigrationState, migrate, migration_state};
pub use pool::StoreConfig;
pub use tx::{Store, System, Tx};
