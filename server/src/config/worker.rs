//! `[worker]`

use serde::Deserialize;

use super::{ConfigError, refuse};

/// Background jobs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// Whether `serve` runs them too.
    pub enabled: bool,
    /// Jobs of each kind at the same time: the places.
    pub concurrency: usize,
    /// Of these, how many in a hundred one tenant may hold.
    pub tenant_share: usize,
    /// Of these, how many in a hundred may call one provider or endpoint.
    pub party_share: usize,
    /// Jobs of a kind and connection at the same time, on all nodes together.
    pub per_connection: u32,
}

impl Worker {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let shares = [("worker.tenant_share", self.tenant_share), ("worker.party_share", self.party_share)];
        if let Some((field, _)) = shares.into_iter().find(|(_, share)| !(1..=100).contains(share)) {
            return refuse(field, "must be between 1 and 100, in hundredths of worker.concurrency");
        }
        if self.concurrency == 0 {
            return refuse("worker.concurrency", "must be at least 1");
        }
        if self.per_connection == 0 {
            return refuse("worker.per_connection", "must be at least 1");
        }
        Ok(())
    }
}
