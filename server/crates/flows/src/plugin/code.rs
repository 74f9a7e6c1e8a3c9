//! A provider's code: of an installed provider it is compiled at start; of a pushed version it is read from the database and
//! compiled when it is first run, once per process.

use std::sync::Arc;

use domain::Scope;
use ids::PluginVersionId;
use plugin_host::{
    Blame, Capabilities, Failure, LoadError, Plugin, PluginError, PluginHost, PluginLimits, PluginSession,
};
use store::{PluginVersionRow, Store};
use tokio::sync::OnceCell;

use super::signature::{PublicKey, Signed, digest};

/// A provider's code, ready or ready to be made so.
pub struct ProviderPlugin {
    loaded: OnceCell<Arc<Plugin>>,
    stored: Option<Stored>,
}

/// Where the component of a pushed version lies.
pub struct Stored {
    store: Option<Store>,
    host: Option<Arc<PluginHost>>,
    scope: Scope,
    id: PluginVersionId,
    name: String,
    signed: Option<Signed>,
    public_key: Vec<u8>,
    signature: Vec<u8>,
}

/// What is stored is not what was signed, or nothing is there to load it.
#[derive(Debug, thiserror::Error)]
enum StoredError {
    #[error("the stored component of {0} is not the one that was signed")]
    Altered(String),
    #[error("no plugins are run here")]
    NoHost,
}

impl From<Arc<Plugin>> for ProviderPlugin {
    fn from(plugin: Arc<Plugin>) -> Self {
        Self { loaded: OnceCell::new_with(Some(plugin)), stored: None }
    }
}

impl From<Stored> for ProviderPlugin {
    fn from(stored: Stored) -> Self {
        Self { loaded: OnceCell::new(), stored: Some(stored) }
    }
}

impl ProviderPlugin {
    /// A fresh instance for one run or one call; see [`Plugin::session`].
    ///
    /// # Errors
    /// As there; and that the component cannot be read or compiled.
    pub async fn session(
        &self,
        capabilities: Capabilities,
        limits: PluginLimits,
    ) -> Result<PluginSession, PluginError> {
        self.plugin().await?.session(capabilities, limits).await
    }

    /// The plugin itself.
    ///
    /// # Errors
    /// Its component cannot be read or compiled.
    pub async fn plugin(&self) -> Result<&Arc<Plugin>, PluginError> {
        self.loaded
            .get_or_try_init(async || match &self.stored {
                Some(stored) => stored.load().await,
                None => Err(internal(StoredError::NoHost)),
            })
            .await
    }
}

impl Stored {
    /// The component of that version.
    pub(crate) fn new(
        store: Option<Store>,
        host: Option<Arc<PluginHost>>,
        scope: Scope,
        row: &PluginVersionRow,
    ) -> Self {
        Self {
            store,
            host,
            scope,
            id: row.id,
            name: format!("{} {}", row.slug, row.version),
            signed: signed(row),
            public_key: row.public_key.clone(),
            signature: row.signature.clone(),
        }
    }

    /// Reads, verifies and compiles it. What lies in the database is believed no more than what comes over the network:
    /// what is run is what was signed.
    async fn load(&self) -> Result<Arc<Plugin>, PluginError> {
        let (Some(store), Some(host)) = (&self.store, &self.host) else { return Err(internal(StoredError::NoHost)) };
        let mut tx = store.begin(self.scope).await.map_err(internal)?;
        let component = tx.plugin_versions().component(self.id).await.map_err(internal)?;
        tx.commit().await.map_err(internal)?;
        let is_as_signed = self.signed.as_ref().is_some_and(|signed| {
            digest(&component) == signed.component_sha256
                && PublicKey::from_bytes(&self.public_key).is_ok_and(|key| key.verifies(signed, &self.signature))
        });
        if !is_as_signed {
            tracing::error!(version = %self.id, "a stored plugin is not the one that was signed");
            return Err(internal(StoredError::Altered(self.name.clone())));
        }
        host.load_of(self.scope.tenant.uuid().into_bytes(), component).await.map_err(|error| match error {
            LoadError::Internal(error) => PluginError::Internal(error),
            // It was accepted once: this server is another by now.
            refused => {
                let message = format!("{} is refused by this server: {refused}", self.name);
                PluginError::Failure(Failure { blame: Blame::Plugin, message, retry_after: None })
            }
        })
    }
}

/// What was signed of a stored version; `None` for a row that no code of ours wrote.
pub(super) fn signed(row: &PluginVersionRow) -> Option<Signed> {
    Some(Signed {
        slug: row.slug.clone(),
        version: row.version.clone(),
        abi: row.abi.clone(),
        manifest_sha256: digest(row.manifest.as_bytes()),
        component_sha256: row.component_sha256.as_slice().try_into().ok()?,
    })
}

fn internal(error: impl std::error::Error + Send + Sync + 'static) -> PluginError {
    PluginError::Internal(Box::new(error))
}
