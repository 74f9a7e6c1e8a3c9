//! What the keyring file says, and how its keys wrap. Pure.

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::Scope;
use ids::TenantId;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    DataKey, KeyError, KeyVersions, Opened, WrappedKey,
    seal::{self, SALT_LENGTH},
};

const FORMAT: &str = "patchbay-keyring/1";
const BINDING: &[u8] = b"patchbay/wrapped/1";
const DIRECT: &[u8] = b"patchbay/direct/1";
const CORRUPT: KeyError = KeyError::Corrupt { what: "a wrapped data key" };

/// The file: every tenant's key, all versions of it. Keys are wiped when it is dropped.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    format: String,
    tenants: BTreeMap<TenantId, BTreeMap<u32, StoredKey>>,
}

/// 32 bytes in base64.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct StoredKey(String);

impl Drop for StoredKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl StoredKey {
    fn new(bytes: &[u8]) -> Self {
        Self(BASE64_STANDARD.encode(bytes))
    }

    fn key(&self) -> Result<DataKey, KeyError> {
        DataKey::from_bytes(Zeroizing::new(BASE64_STANDARD.decode(&self.0).map_err(|_| BROKEN)?)).map_err(|_| BROKEN)
    }

    fn cipher(&self) -> Result<LessSafeKey, KeyError> {
        UnboundKey::new(&AES_256_GCM, self.key()?.expose()).map(LessSafeKey::new).map_err(|_| BROKEN)
    }
}

const BROKEN: KeyError = KeyError::Corrupt { what: "a key in the keyring file" };

impl Default for Document {
    fn default() -> Self {
        Self { format: FORMAT.to_owned(), tenants: BTreeMap::new() }
    }
}

impl Document {
    /// Reads the file's text. The reason is told without quoting the text.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let document: Self = serde_json::from_slice(text)
            .map_err(|error| format!("line {}, column {}: not a keyring", error.line(), error.column()))?;
        if document.format != FORMAT {
            return Err(format!("its format is not `{FORMAT}`"));
        }
        for (tenant, versions) in &document.tenants {
            for (version, key) in versions {
                key.cipher().map_err(|_| format!("version {version} of {tenant} is not a 32-byte key in base64"))?;
            }
        }
        Ok(document)
    }

    /// The file's text.
    pub fn to_text(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let mut text = Zeroizing::new(Vec::with_capacity(256 + self.tenants.len() * 512));
        serde_json::to_writer_pretty(&mut *text, self)
            .map_err(|error| KeyError::internal("write the keyring", error))?;
        text.push(b'\n');
        Ok(text)
    }

    /// Adds the tenant with version 1 of its key. `false` if it is there already.
    pub fn create(&mut self, tenant: TenantId, key: impl FnOnce() -> Zeroizing<Vec<u8>>) -> bool {
        if self.tenants.contains_key(&tenant) {
            return false;
        }
        self.tenants.insert(tenant, BTreeMap::from([(1, StoredKey::new(&key()))]));
        true
    }

    /// Removes the tenant. `false` if it is not there.
    pub fn destroy(&mut self, tenant: TenantId) -> bool {
        self.tenants.remove(&tenant).is_some()
    }

    /// Adds a version to the tenant's key and gives its number.
    pub fn rotate(&mut self, tenant: TenantId, key: Zeroizing<Vec<u8>>) -> Result<u32, KeyError> {
        let newest = self.versions(tenant)?.latest + 1;
        if let Some(versions) = self.tenants.get_mut(&tenant) {
            versions.insert(newest, StoredKey::new(&key));
        }
        Ok(newest)
    }

    /// The versions of the tenant's key.
    pub fn versions(&self, tenant: TenantId) -> Result<KeyVersions, KeyError> {
        let versions = self.tenants.get(&tenant).ok_or(KeyError::NotFound)?;
        let ends = versions.first_key_value().zip(versions.last_key_value());
        ends.map(|((minimum, _), (latest, _))| KeyVersions { latest: *latest, minimum: *minimum })
            .ok_or(KeyError::NotFound)
    }

    /// Removes versions below `minimum`. `false` if there are none.
    pub fn retire(&mut self, tenant: TenantId, minimum: u32) -> Result<bool, KeyError> {
        let known = self.versions(tenant)?;
        if minimum > known.latest {
            return Err(KeyError::FutureVersion { what: "the minimum version" });
        }
        if let Some(versions) = self.tenants.get_mut(&tenant) {
            versions.retain(|version, _| *version >= minimum);
        }
        Ok(minimum > known.minimum)
    }

    /// Seals a value with the newest version itself: `file:v<version>:<base64 of salt, ciphertext and tag>`.
    pub fn seal(
        &self,
        tenant: TenantId,
        binding: &[u8],
        salt: &[u8; SALT_LENGTH],
        plaintext: &[u8],
    ) -> Result<WrappedKey, KeyError> {
        let versions = self.tenants.get(&tenant).ok_or(KeyError::NotFound)?;
        let (version, stored) = versions.last_key_value().ok_or(KeyError::NotFound)?;
        let bytes = seal::seal_message(&stored.key()?, salt, &versioned(binding, *version), &[], plaintext)?;
        Ok(WrappedKey::from_text(format!("file:v{version}:{}", BASE64_STANDARD.encode(bytes))))
    }

    /// Opens what [`Document::seal`] made with the same binding.
    pub fn open(&self, tenant: TenantId, binding: &[u8], sealed: &WrappedKey) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (version, stored, bytes) = self.stored(tenant, sealed)?;
        let (salt, body) = bytes.split_first_chunk::<SALT_LENGTH>().ok_or(CORRUPT)?;
        seal::open_message(&stored.key()?, salt, &versioned(binding, version), body)
            .map(Opened::into_zeroizing)
            .map_err(|_| CORRUPT)
    }

    /// The version that a text names, its key, and the bytes.
    fn stored(&self, tenant: TenantId, text: &WrappedKey) -> Result<(u32, &StoredKey, Vec<u8>), KeyError> {
        if !text.as_str().starts_with("file:") {
            return Err(KeyError::Config(
                "this was not sealed by the file keyring: is another key service configured elsewhere?".into(),
            ));
        }
        let known = self.versions(tenant)?;
        let version = text.version().ok_or(CORRUPT)?;
        let base64 = text.as_str().splitn(3, ':').nth(2).ok_or(CORRUPT)?;
        let bytes = BASE64_STANDARD.decode(base64).map_err(|_| CORRUPT)?;
        match self.tenants.get(&tenant).and_then(|versions| versions.get(&version)) {
            Some(stored) => Ok((version, stored, bytes)),
            None if version > known.latest => Err(KeyError::FutureVersion { what: "a wrapped data key" }),
            None => Err(KeyError::RetiredVersion { what: "a wrapped data key" }),
        }
    }

    /// Wraps with the newest version: `file:v<version>:<base64 of nonce, ciphertext and tag>`. Random nonces do: a tenant
    /// has a handful of data keys, far from the 2^32 at which they would not.
    pub fn wrap(&self, scope: Scope, key: &DataKey, nonce: [u8; NONCE_LEN]) -> Result<WrappedKey, KeyError> {
        let versions = self.tenants.get(&scope.tenant).ok_or(KeyError::NotFound)?;
        let (version, stored) = versions.last_key_value().ok_or(KeyError::NotFound)?;
        let mut body = Zeroizing::new(key.expose().to_vec());
        let tag = stored
            .cipher()?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(binding(scope, *version)),
                &mut body,
            )
            .map_err(|error| KeyError::internal("wrap a data key", error))?;
        let bytes = [nonce.as_slice(), &body, tag.as_ref()].concat();
        Ok(WrappedKey::from_text(format!("file:v{version}:{}", BASE64_STANDARD.encode(bytes))))
    }

    /// Opens what [`Document::wrap`] made for the same scope.
    pub fn unwrap(&self, scope: Scope, wrapped: &WrappedKey) -> Result<DataKey, KeyError> {
        let (version, stored, bytes) = self.stored(scope.tenant, wrapped)?;
        let (nonce, body) = bytes.split_first_chunk::<NONCE_LEN>().ok_or(CORRUPT)?;
        let mut buffer = Zeroizing::new(body.to_vec());
        let length = stored
            .cipher()?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(binding(scope, version)), &mut buffer)
            .map_err(|_| CORRUPT)?
            .len();
        buffer.truncate(length);
        DataKey::from_bytes(buffer)
    }
}

/// The associated data of a wrapped key: whose, and by which version.
fn binding(scope: Scope, version: u32) -> Vec<u8> {
    let (tenant, environment) = (scope.tenant.uuid(), scope.environment.uuid());
    [BINDING, tenant.as_bytes(), environment.as_bytes(), &version.to_be_bytes()].concat()
}

/// What a value is bound to, and by which version it was sealed.
fn versioned(binding: &[u8], version: u32) -> Vec<u8> {
    [DIRECT, &version.to_be_bytes(), binding].concat()
}
