//! The keyring of a single machine: tenants' keys in one file that only its owner may read.
//!
//! For one machine without Vault. The file is the root of everything sealed: back it up, apart from the database. It is read
//! again whenever it has changed, so a command line and a server on the same machine can share it; changes are made under a
//! lock and put in place by rename, so a crash leaves the old file or the new one.

mod disk;
mod document;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use domain::{Scope, entropy, entropy::Entropy};
use ids::TenantId;
use zeroize::Zeroizing;

use self::{
    disk::{Disk, Stamp},
    document::Document,
};
use crate::{DataKey, KeyError, KeyGovernance, KeyHealth, KeyService, KeyVersions, WrappedKey};

/// What to do when the file is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMissing {
    /// Make an empty one. For first use; the folder is made too.
    Create,
    /// Say so: what was sealed under a lost keyring cannot be opened by a new one.
    Refuse,
}

/// The file keyring.
#[derive(Clone)]
pub struct FileKeyring(Arc<Keyring>);

struct Keyring {
    disk: Disk,
    entropy: Arc<dyn Entropy>,
    loaded: Mutex<(Stamp, Document)>,
}

impl FileKeyring {
    /// Opens the keyring at `path`. Refused as [`KeyError::Config`], with what to do, if the file is missing (and shall not
    /// be made), readable or writable by anyone but its owner, or not a keyring.
    pub fn open(path: impl Into<PathBuf>, missing: OnMissing, entropy: Arc<dyn Entropy>) -> Result<Self, KeyError> {
        let disk = Disk::new(path.into());
        if missing == OnMissing::Create {
            disk.create_if_missing(&Document::default())?;
        }
        let loaded = disk.load()?;
        Ok(Self(Arc::new(Keyring { disk, entropy, loaded: Mutex::new(loaded) })))
    }

    /// File work off the async threads.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Keyring) -> Result<T, KeyError> + Send + 'static,
    ) -> Result<T, KeyError> {
        let keyring = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || work(&keyring))
            .await
            .map_err(|error| KeyError::internal("run file work", error))?
    }
}

impl Keyring {
    /// Reads the document, from the file if that has changed since.
    fn read<T>(&self, look: impl FnOnce(&Document) -> Result<T, KeyError>) -> Result<T, KeyError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if self.disk.stamp()? != loaded.0 {
            *loaded = self.disk.load()?;
        }
        look(&loaded.1)
    }

    /// Changes the document on disk, alone among processes. Nothing is written if `edit` says that nothing changed.
    fn change(&self, edit: impl FnOnce(&mut Document) -> Result<bool, KeyError>) -> Result<(), KeyError> {
        let _alone = self.disk.lock()?;
        let (_, mut document) = self.disk.load()?;
        if edit(&mut document)? {
            let stamp = self.disk.store(&document)?;
            *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = (stamp, document);
        }
        Ok(())
    }

    fn new_key(&self) -> Zeroizing<Vec<u8>> {
        let mut key = Zeroizing::new(vec![0; DataKey::LENGTH]);
        self.entropy.fill(&mut key);
        key
    }

    fn wrap(&self, scope: Scope, key: &DataKey) -> Result<WrappedKey, KeyError> {
        let nonce = entropy::bytes(self.entropy.as_ref());
        self.read(|document| document.wrap(scope, key, nonce))
    }
}

#[async_trait]
impl KeyService for FileKeyring {
    fn kind(&self) -> &'static str {
        "file keyring"
    }

    async fn create_tenant_key(&self, tenant: TenantId) -> Result<(), KeyError> {
        self.run(move |keyring| keyring.change(|document| Ok(document.create(tenant, || keyring.new_key())))).await
    }

    async fn generate_data_key(&self, scope: Scope) -> Result<(DataKey, WrappedKey), KeyError> {
        self.run(move |keyring| {
            let key = DataKey::from_bytes(keyring.new_key())?;
            let wrapped = keyring.wrap(scope, &key)?;
            Ok((key, wrapped))
        })
        .await
    }

    async fn unwrap_data_key(&self, scope: Scope, wrapped: &WrappedKey) -> Result<DataKey, KeyError> {
        let wrapped = wrapped.clone();
        self.run(move |keyring| keyring.read(|document| document.unwrap(scope, &wrapped))).await
    }

    async fn seal_value(&self, tenant: TenantId, binding: &[u8], plaintext: &[u8]) -> Result<WrappedKey, KeyError> {
        let (binding, plaintext) = (binding.to_owned(), Zeroizing::new(plaintext.to_owned()));
        self.run(move |keyring| {
            let salt = entropy::bytes(keyring.entropy.as_ref());
            keyring.read(|document| document.seal(tenant, &binding, &salt, &plaintext))
        })
        .await
    }

    async fn open_value(
        &self,
        tenant: TenantId,
        binding: &[u8],
        sealed: &WrappedKey,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (binding, sealed) = (binding.to_owned(), sealed.clone());
        self.run(move |keyring| keyring.read(|document| document.open(tenant, &binding, &sealed))).await
    }

    async fn health(&self) -> KeyHealth {
        self.run(|keyring| keyring.read(|_| Ok(()))).await.map_or_else(KeyHealth::from, |()| KeyHealth::Ready)
    }
}

#[async_trait]
impl KeyGovernance for FileKeyring {
    async fn versions(&self, tenant: TenantId) -> Result<KeyVersions, KeyError> {
        self.run(move |keyring| keyring.read(|document| document.versions(tenant))).await
    }

    async fn rotate_tenant_key(&self, tenant: TenantId) -> Result<u32, KeyError> {
        self.run(move |keyring| {
            let mut made = 0;
            keyring.change(|document| {
                made = document.rotate(tenant, keyring.new_key())?;
                Ok(true)
            })?;
            Ok(made)
        })
        .await
    }

    async fn new_wrapped_key(&self, scope: Scope) -> Result<WrappedKey, KeyError> {
        self.generate_data_key(scope).await.map(|(_, wrapped)| wrapped)
    }

    async fn rewrap_data_key(&self, scope: Scope, wrapped: &WrappedKey) -> Result<WrappedKey, KeyError> {
        let wrapped = wrapped.clone();
        self.run(move |keyring| {
            let key = keyring.read(|document| document.unwrap(scope, &wrapped))?;
            keyring.wrap(scope, &key)
        })
        .await
    }

    /// The versions are removed from the file, for good.
    async fn retire_versions(&self, tenant: TenantId, minimum: u32) -> Result<(), KeyError> {
        self.run(move |keyring| keyring.change(|document| document.retire(tenant, minimum))).await
    }

    async fn destroy_tenant_key(&self, tenant: TenantId) -> Result<(), KeyError> {
        self.run(move |keyring| keyring.change(|document| Ok(document.destroy(tenant)))).await
    }
}
