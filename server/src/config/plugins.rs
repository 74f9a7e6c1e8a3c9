//! `[plugins]`

use std::path::PathBuf;

use flows::plugin::PublicKey;
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
    /// Public keys whose signatures on plugins every environment trusts.
    pub trusted_keys: Vec<String>,
}

impl Plugins {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
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
        plugin_host::HostConfig { cache_folder, ..plugin_host::HostConfig::default() }
    }
}
