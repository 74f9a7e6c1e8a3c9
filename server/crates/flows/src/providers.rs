//! The providers that this server knows: manifests, and the plugins that go with some of them.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use domain::manifest::{Manifest, ManifestError};
use plugin_host::{LoadError, Plugin, PluginHost};

/// A provider: its manifest, and its plugin if it has one.
pub struct Provider {
    /// What it is, as data.
    pub manifest: Manifest,
    /// What data could not say.
    pub plugin: Option<Arc<Plugin>>,
}

/// All providers, by slug.
#[derive(Default)]
pub struct Providers {
    by_slug: BTreeMap<String, Arc<Provider>>,
}

/// Why a folder of providers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProvidersError {
    /// A file or folder cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A manifest is refused.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A component is refused.
    #[error("{path}: {source}")]
    Component {
        /// Which.
        path: String,
        /// Why.
        source: LoadError,
    },
    /// Two manifests claim one slug.
    #[error("{path}: slug: `{slug}` is taken by another manifest")]
    Duplicate {
        /// The later file.
        path: String,
        /// The slug.
        slug: String,
    },
}

impl Providers {
    /// Loads `<folder>/<slug>/provider.toml` with its component, and `<folder>/catalog/*.toml`.
    ///
    /// # Errors
    /// The first file that is refused, with the reason.
    pub async fn load(folder: &Path, host: &PluginHost) -> Result<Self, ProvidersError> {
        let mut providers = Self::default();
        for path in entries(folder)? {
            if path.ends_with("catalog") {
                for file in entries(&path)? {
                    if file.extension().is_some_and(|extension| extension == "toml") {
                        providers.add(&file, host).await?;
                    }
                }
            } else if path.join("provider.toml").is_file() {
                providers.add(&path.join("provider.toml"), host).await?;
            }
        }
        Ok(providers)
    }

    /// Reads one manifest and its component, as `patchbay plugin check` does.
    ///
    /// # Errors
    /// The file is refused, with the reason.
    pub async fn load_one(file: &Path, host: &PluginHost) -> Result<Provider, ProvidersError> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file)
            .map_err(|source| ProvidersError::Unreadable { path: name.clone(), source })?;
        let manifest = Manifest::parse(&name, &text)?;
        let plugin = match &manifest.plugin {
            None => None,
            Some(spec) => {
                let path = file.with_file_name(&spec.component);
                let shown = path.display().to_string();
                let bytes = std::fs::read(&path)
                    .map_err(|source| ProvidersError::Unreadable { path: shown.clone(), source })?;
                Some(host.load(bytes).await.map_err(|source| ProvidersError::Component { path: shown, source })?)
            }
        };
        Ok(Provider { manifest, plugin })
    }

    /// The provider of that slug.
    #[must_use]
    pub fn get(&self, slug: &str) -> Option<&Arc<Provider>> {
        self.by_slug.get(slug)
    }

    /// All of them, by slug.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.by_slug.values()
    }

    async fn add(&mut self, file: &Path, host: &PluginHost) -> Result<(), ProvidersError> {
        let provider = Self::load_one(file, host).await?;
        let slug = provider.manifest.slug.clone();
        if self.by_slug.contains_key(&slug) {
            return Err(ProvidersError::Duplicate { path: file.display().to_string(), slug });
        }
        self.by_slug.insert(slug, Arc::new(provider));
        Ok(())
    }
}

fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>, ProvidersError> {
    let unreadable = |source| ProvidersError::Unreadable { path: folder.display().to_string(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.sort();
    Ok(paths)
}
