//! `[worker]`

use serde::Deserialize;

use super::{ConfigError, refuse};

/// Background jobs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// Whether `serve` runs them too.
    pub enabled: bool,
    /// Jobs of each kind at the same time.
    pub concurrency: usize,
}

impl Worker {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.concurrency == 0 {
            return refuse("worker.concurrency", "must be at least 1");
        }
        Ok(())
    }
}
