//! `[plugins]`

use std::path::PathBuf;

use serde::Deserialize;

/// Providers and their components.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plugins {
    /// Where manifests and components are.
    pub dir: PathBuf,
    /// Where compiled components are kept; empty for in memory alone.
    pub cache_dir: PathBuf,
}

impl Plugins {
    /// Settings of the plugin host.
    #[must_use]
    pub fn host(&self) -> plugin_host::HostConfig {
        let cache_folder = (!self.cache_dir.as_os_str().is_empty()).then(|| self.cache_dir.clone());
        plugin_host::HostConfig { cache_folder, ..plugin_host::HostConfig::default() }
    }
}
