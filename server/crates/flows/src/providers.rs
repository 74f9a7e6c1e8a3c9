//! The providers that this server knows: manifests, and the plugins that go with some of them; and those that tenants
//! describe for one of their environments.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use domain::{
    Scope,
    manifest::{Manifest, ManifestError},
};
use ids::ProviderVersionId;
use plugin_host::{LoadError, Plugin, PluginHost};
use quick_cache::sync::Cache;
use store::{ProviderVersionRow, StoreError, Tx};

use crate::Services;

/// A provider: its manifest, and its plugin if it has one.
pub struct Provider {
    /// What it is, as data.
    pub manifest: Manifest,
    /// What data could not say.
    pub plugin: Option<Arc<Plugin>>,
}

/// The installed providers, by slug, and those of tenants that were used lately.
pub struct Providers {
    by_slug: BTreeMap<String, Arc<Provider>>,
    /// A version never changes, so what was read of one stays true.
    described: Cache<ProviderVersionId, Arc<Provider>>,
}

impl Default for Providers {
    fn default() -> Self {
        Self { by_slug: BTreeMap::new(), described: Cache::new(MOST_DESCRIBED) }
    }
}

/// How many described providers are kept read.
const MOST_DESCRIBED: usize = 1_000;

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

    /// The installed provider of that slug.
    #[must_use]
    pub fn installed(&self, slug: &str) -> Option<&Arc<Provider>> {
        self.by_slug.get(slug)
    }

    /// All installed ones, by slug.
    pub fn all_installed(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.by_slug.values()
    }

    /// The provider of that slug in an environment: the one described there, else the installed one.
    ///
    /// # Errors
    /// The query failed.
    pub async fn find(&self, tx: &mut Tx<Scope>, slug: &str) -> Result<Option<Arc<Provider>>, StoreError> {
        Ok(self.among(tx.provider_versions().current(slug).await?.as_slice(), slug))
    }

    /// As [`Providers::find`], where the environment's current versions were read already.
    pub(crate) fn among(&self, described: &[ProviderVersionRow], slug: &str) -> Option<Arc<Provider>> {
        match described.iter().find(|row| row.slug == slug) {
            Some(row) => self.described(row),
            None => self.by_slug.get(slug).cloned(),
        }
    }

    /// The provider that a stored version describes. `None`, and a line in the log, for one that this server does not
    /// accept any more.
    pub(crate) fn described(&self, row: &ProviderVersionRow) -> Option<Arc<Provider>> {
        if let Some(known) = self.described.get(&row.id) {
            return Some(known);
        }
        match Manifest::parse(&row.slug, &row.manifest) {
            Ok(manifest) => {
                let provider = Arc::new(Provider { manifest, plugin: None });
                self.described.insert(row.id, Arc::clone(&provider));
                Some(provider)
            }
            Err(error) => {
                tracing::error!(provider = row.slug, version = row.version, %error, "a described provider is refused");
                None
            }
        }
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

impl Services {
    /// The provider of that slug in an environment, where no transaction is at hand; see [`Providers::find`].
    ///
    /// # Errors
    /// The query failed.
    pub async fn provider(&self, scope: Scope, slug: &str) -> Result<Option<Arc<Provider>>, StoreError> {
        let mut tx = self.store.begin(scope).await?;
        let found = self.providers.find(&mut tx, slug).await?;
        tx.commit().await?;
        Ok(found)
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
