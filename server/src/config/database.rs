//! `[database]`

use serde::Deserialize;
use store::StoreConfig;

use super::{ConfigError, refuse};

/// How Postgres is reached.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `postgres://user:password@host:port/database`
    pub url: String,
    /// The most connections held open.
    pub max_connections: usize,
    /// Milliseconds to wait for one.
    pub wait_ms: u64,
    /// Taken on in every connection.
    pub role: String,
    /// Apply pending migrations when the server starts.
    pub migrate_at_start: bool,
}

impl Database {
    /// The same for the store.
    #[must_use]
    pub fn store(&self) -> StoreConfig {
        StoreConfig {
            url: self.url.clone(),
            max_connections: self.max_connections,
            wait_ms: self.wait_ms,
            role: self.role.clone(),
        }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if !self.url.starts_with("postgres://") && !self.url.starts_with("postgresql://") {
            return refuse("database.url", "must begin with postgres://");
        }
        if self.max_connections < 2 {
            return refuse("database.max_connections", "must be at least 2");
        }
        Ok(())
    }
}

/// The URL may carry a password, so it is not printed.
impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("max_connections", &self.max_connections).finish_non_exhaustive()
    }
}
