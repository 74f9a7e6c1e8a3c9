//! The providers that this server knows: manifests, and the plugins that go with some of them; and those that tenants
//! describe for one of their environments, or push with code of their own.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use domain::{
    Scope,
    manifest::{Manifest, ManifestError},
};
use ids::{PluginVersionId, ProviderVersionId, TenantId};
use plugin_host::{LoadError, PluginHost};
use quick_cache::sync::Cache;
use store::{InForce, Notice, PluginVersionRow, ProviderVersionRow, Store, StoreError, Tx};

use crate::{
    Place, Places, Services,
    plugin::{ProviderPlugin, Stored},
};

/// A provider: its manifest, and its plugin if it has one.
pub struct Provider {
    /// What it is, as data.
    pub manifest: Manifest,
    /// The manifest as it was written, TOML.
    pub text: String,
    /// What data could not say.
    pub plugin: Option<Arc<ProviderPlugin>>,
    /// Which version of a pushed plugin it is; `None` for what is installed or described.
    pub version: Option<PushedVersion>,
}

/// Which version of a pushed plugin a provider is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedVersion {
    /// The version.
    pub id: PluginVersionId,
    /// Its number.
    pub number: String,
}

/// The installed providers, by slug, and those of tenants that were used lately.
pub struct Providers {
    by_slug: Arc<BTreeMap<String, Arc<Provider>>>,
    /// Loads components; none where no plugin is run.
    host: Option<Arc<PluginHost>>,
    /// Where components that were pushed lie.
    store: Option<Store>,
    /// A version never changes, so what was read of one stays true.
    described: Cache<ProviderVersionId, Arc<Provider>>,
    /// Likewise. One that is not in force any more is forgotten, for its memory's sake.
    pushed: Cache<PluginVersionId, Arc<Provider>>,
    /// For those who push.
    places: Arc<Places>,
}

impl Default for Providers {
    fn default() -> Self {
        Self {
            by_slug: Arc::default(),
            host: None,
            store: None,
            described: Cache::new(MOST_DESCRIBED),
            pushed: Cache::new(MOST_PUSHED),
            places: Arc::new(Places::new(MOST_PUSHING, 1)),
        }
    }
}

/// How many plugins are taken in at the same time, one of a tenant: they are large, and to compile one takes a core for a
/// while.
const MOST_PUSHING: usize = 4;
/// How many described providers are kept read.
const MOST_DESCRIBED: usize = 1_000;
/// How many versions of pushed plugins are kept read and compiled.
const MOST_PUSHED: usize = 256;

/// What an environment has of its own: read at once, for whoever asks after many slugs.
pub(crate) struct OfEnvironment {
    scope: Scope,
    pinned: Vec<PluginVersionRow>,
    described: Vec<ProviderVersionRow>,
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
    pub async fn load(folder: &Path, host: Arc<PluginHost>) -> Result<Self, ProvidersError> {
        let mut by_slug = BTreeMap::new();
        for path in entries(folder)? {
            if path.ends_with("catalog") {
                for file in entries(&path)? {
                    if file.extension().is_some_and(|extension| extension == "toml") {
                        add(&mut by_slug, &file, &host).await?;
                    }
                }
            } else if path.join("provider.toml").is_file() {
                add(&mut by_slug, &path.join("provider.toml"), &host).await?;
            }
        }
        Ok(Self { by_slug: Arc::new(by_slug), host: Some(host), ..Self::default() })
    }

    /// The same installed ones, with what tenants pushed to a database.
    #[must_use]
    pub fn over(&self, store: Store) -> Self {
        Self { by_slug: Arc::clone(&self.by_slug), host: self.host.clone(), store: Some(store), ..Self::default() }
    }

    /// Takes note of what the listener heard: a version that is not in force any more is not kept.
    pub fn hear(&self, notice: &Notice) {
        if let Notice::Heard { payload, .. } = notice
            && let Ok(changed) = payload.parse()
        {
            self.pushed.remove(&PluginVersionId::from_uuid(changed));
        }
    }

    /// What loads components, where plugins are run at all.
    #[must_use]
    pub fn host(&self) -> Option<&Arc<PluginHost>> {
        self.host.as_ref()
    }

    /// A place for a tenant among those who push plugins; `None` while all are taken, or it has one.
    pub fn place_to_push(&self, tenant: TenantId) -> Option<Place> {
        self.places.take(tenant)
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
                let loaded = host.load(bytes).await;
                let plugin = loaded.map_err(|source| ProvidersError::Component { path: shown, source })?;
                Some(Arc::new(ProviderPlugin::from(plugin)))
            }
        };
        Ok(Provider { manifest, text, plugin, version: None })
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

    /// The provider of that slug in an environment: the version of a pushed plugin that is pinned there, else the one
    /// described there, else the installed one.
    ///
    /// # Errors
    /// The query failed.
    pub async fn find(&self, tx: &mut Tx<Scope>, slug: &str) -> Result<Option<Arc<Provider>>, StoreError> {
        // Manifests are large, and what is in force was read before in most cases.
        let InForce { pinned, described } = tx.provider_versions().in_force(slug).await?;
        match (pinned, described) {
            (Some(id), _) => match self.pushed.get(&id) {
                Some(known) => Ok(Some(known)),
                None => {
                    let row = tx.plugin_versions().by_id(id).await?;
                    Ok(self.pushed(tx.scope(), &row))
                }
            },
            (None, Some(id)) => match self.described.get(&id) {
                Some(known) => Ok(Some(known)),
                None => self.unpinned(tx, slug).await,
            },
            (None, None) => Ok(self.by_slug.get(slug).cloned()),
        }
    }

    /// As [`Providers::find`], as if nothing were pinned.
    pub(crate) async fn unpinned(&self, tx: &mut Tx<Scope>, slug: &str) -> Result<Option<Arc<Provider>>, StoreError> {
        match tx.provider_versions().current(slug).await? {
            Some(row) => Ok(self.described(&row)),
            None => Ok(self.by_slug.get(slug).cloned()),
        }
    }

    /// What an environment has of its own, for [`Providers::among`].
    pub(crate) async fn of_environment(&self, tx: &mut Tx<Scope>) -> Result<OfEnvironment, StoreError> {
        let pinned = tx.plugin_versions().all_pinned().await?;
        let described = tx.provider_versions().all_current().await?;
        Ok(OfEnvironment { scope: tx.scope(), pinned, described })
    }

    /// As [`Providers::find`], where what the environment has was read already.
    pub(crate) fn among(&self, known: &OfEnvironment, slug: &str) -> Option<Arc<Provider>> {
        if let Some(row) = known.pinned.iter().find(|row| row.slug == slug) {
            return self.pushed(known.scope, row);
        }
        match known.described.iter().find(|row| row.slug == slug) {
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
                let text = row.manifest.clone();
                let provider = Arc::new(Provider { manifest, text, plugin: None, version: None });
                self.described.insert(row.id, Arc::clone(&provider));
                Some(provider)
            }
            Err(error) => {
                tracing::error!(provider = row.slug, version = row.version, %error, "a described provider is refused");
                None
            }
        }
    }

    /// The provider that a pushed version is. Its component is read and compiled when it is first run. `None`, and a line
    /// in the log, for one that this server does not accept any more.
    pub(crate) fn pushed(&self, scope: Scope, row: &PluginVersionRow) -> Option<Arc<Provider>> {
        if let Some(known) = self.pushed.get(&row.id) {
            return Some(known);
        }
        match Manifest::parse(&row.slug, &row.manifest) {
            Ok(manifest) => {
                let stored = Stored::new(self.store.clone(), self.host.clone(), scope, row);
                let provider = Arc::new(Provider {
                    manifest,
                    text: row.manifest.clone(),
                    plugin: Some(Arc::new(ProviderPlugin::from(stored))),
                    version: Some(PushedVersion { id: row.id, number: row.version.clone() }),
                });
                self.pushed.insert(row.id, Arc::clone(&provider));
                Some(provider)
            }
            Err(error) => {
                tracing::error!(provider = row.slug, version = row.version, %error, "a pushed plugin is refused");
                None
            }
        }
    }
}

impl OfEnvironment {
    /// The slugs of all that is in it, with whether it is a pushed plugin.
    pub(crate) fn slugs(&self) -> BTreeMap<&str, bool> {
        let described = self.described.iter().map(|row| (row.slug.as_str(), false));
        described.chain(self.pinned.iter().map(|row| (row.slug.as_str(), true))).collect()
    }
}

async fn add(
    by_slug: &mut BTreeMap<String, Arc<Provider>>,
    file: &Path,
    host: &PluginHost,
) -> Result<(), ProvidersError> {
    let provider = Providers::load_one(file, host).await?;
    let slug = provider.manifest.slug.clone();
    if by_slug.contains_key(&slug) {
        return Err(ProvidersError::Duplicate { path: file.display().to_string(), slug });
    }
    by_slug.insert(slug, Arc::new(provider));
    Ok(())
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
