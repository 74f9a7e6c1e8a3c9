//! `[plugins]`

use std::path::PathBuf;

use flows::{Places, plugin::PublicKey};
use serde::Deserialize;

use super::{ConfigError, refuse};

/// Providers and their components.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plugins {
    /// Where manifests and components are.
    pub dir: PathBuf,
    /// Where compiled components are kept; empty for in memory alone.
    pub cache_dir: PathBuf,
    /// Instances at the same time.
    pub instances: u32,
    /// Of these, how many in a hundred may perform actions that one tenant waits for.
    pub tenant_share: usize,
    /// Public keys whose signatures on plugins every environment trusts.
    pub trusted_keys: Vec<String>,
}

impl Plugins {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.instances == 0 {
            return refuse("plugins.instances", "must be at least 1");
        }
        if !(1..=100).contains(&self.tenant_share) {
            return refuse("plugins.tenant_share", "must be between 1 and 100, in hundredths of plugins.instances");
        }
        match self.trusted_keys.iter().map(|key| key.parse::<PublicKey>()).find_map(Result::err) {
            Some(error) => refuse("plugins.trusted_keys", error.to_string()),
            None => Ok(()),
        }
    }

    /// The keys whose signatures on plugins every environment trusts.
    #[must_use]
    pub fn trusted(&self) -> Vec<PublicKey> {
        // What cannot be read was refused when the settings were.
        self.trusted_keys.iter().filter_map(|key| key.parse().ok()).collect()
    }

    /// Settings of the plugin host.
    #[must_use]
    pub fn host(&self) -> plugin_host::HostConfig {
        let cache_folder = (!self.cache_dir.as_os_str().is_empty()).then(|| self.cache_dir.clone());
        plugin_host::HostConfig { cache_folder, instances: self.instances, ..plugin_host::HostConfig::default() }
    }

    /// The places of those who wait for an action: a part of the instances, and of each tenant a part of these. Jobs always
    /// find the rest, whatever callers do.
    #[must_use]
    pub fn calls(&self) -> Places {
        let instances = usize::try_from(self.instances).unwrap_or(usize::MAX);
        let most = instances - instances / 4;
        Places::new(most, (instances.saturating_mul(self.tenant_share) / 100).clamp(1, most.max(1)))
    }
}
