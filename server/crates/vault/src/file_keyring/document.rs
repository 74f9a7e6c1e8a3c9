//! What the keyring file says, and how its keys wrap. Pure.

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::Scope;
use ids::TenantId;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::{DataKey, KeyError, WrappedKey};

const FORMAT: &str = "patchbay-keyring/1";
const BINDING: &[u8] = b"patchbay/wrapped/1";
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

    fn cipher(&self) -> Result<LessSafeKey, KeyError> {
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(&self.0).map_err(|_| BROKEN)?);
        UnboundKey::new(&AES_256_GCM, &bytes).map(LessSafeKey::new).map_err(|_| BROKEN)
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

    /// Adds a version to the tenant's key.
    pub fn rotate(&mut self, tenant: TenantId, key: Zeroizing<Vec<u8>>) -> Result<(), KeyError> {
        let versions = self.tenants.get_mut(&tenant).ok_or(KeyError::NotFound)?;
        let newest = versions.keys().next_back().copied().unwrap_or(0);
        versions.insert(newest + 1, StoredKey::new(&key));
        Ok(())
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
        if !wrapped.as_str().starts_with("file:") {
            return Err(KeyError::Config(
                "this data key was not wrapped by the file keyring: is another key service configured elsewhere?"
                    .into(),
            ));
        }
        let versions = self.tenants.get(&scope.tenant).ok_or(KeyError::NotFound)?;
        let version = wrapped.version().ok_or(CORRUPT)?;
        let text = wrapped.as_str().splitn(3, ':').nth(2).ok_or(CORRUPT)?;
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| CORRUPT)?;
        let (nonce, body) = bytes.split_first_chunk::<NONCE_LEN>().ok_or(CORRUPT)?;
        let mut buffer = Zeroizing::new(body.to_vec());
        let length = versions
            .get(&version)
            .ok_or(CORRUPT)?
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
