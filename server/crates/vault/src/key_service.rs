//! The door to whatever holds the tenants' keys.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Scope;
use ids::TenantId;
use zeroize::Zeroizing;

use crate::{KeyError, xaes::Xaes};

/// What a running server asks for: it makes tenants' keys and uses them, and they never leave the key service. Implemented
/// by [`crate::TransitKeys`] and [`crate::FileKeyring`]; one contract suite (`tests/contract`) holds for both. Every call is
/// bounded in time.
#[async_trait]
pub trait KeyService: Send + Sync + 'static {
    /// What this is, for operators to read: `vault transit` or `file keyring`.
    fn kind(&self) -> &'static str;

    /// Makes the tenant's key. Making it again changes nothing.
    async fn create_tenant_key(&self, tenant: TenantId) -> Result<(), KeyError>;

    /// A new random data key for the environment, and its wrapped form to store.
    async fn generate_data_key(&self, scope: Scope) -> Result<(DataKey, WrappedKey), KeyError>;

    /// Opens a wrapped data key. Refused as [`KeyError::Corrupt`] if it was wrapped for another tenant or environment.
    async fn unwrap_data_key(&self, scope: Scope, wrapped: &WrappedKey) -> Result<DataKey, KeyError>;

    /// Seals a value in the key service itself (`direct` mode): the text opens with the same tenant and binding alone.
    async fn seal_value(&self, tenant: TenantId, binding: &[u8], plaintext: &[u8]) -> Result<WrappedKey, KeyError>;

    /// Opens what [`KeyService::seal_value`] gave.
    async fn open_value(
        &self,
        tenant: TenantId,
        binding: &[u8],
        sealed: &WrappedKey,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError>;

    /// Whether it could serve now. For readiness and `doctor`.
    async fn health(&self) -> KeyHealth;
}

/// What governs tenants' keys and never sees what is sealed under them: rotation, retirement, destruction. Where the key
/// service knows identities it is another one than the server's, which can do none of this.
#[async_trait]
pub trait KeyGovernance: Send + Sync + 'static {
    /// Which versions the tenant's key has.
    async fn versions(&self, tenant: TenantId) -> Result<KeyVersions, KeyError>;

    /// Adds a version to the tenant's key and gives its number; new data keys are wrapped with it, old ones still unwrap.
    async fn rotate_tenant_key(&self, tenant: TenantId) -> Result<u32, KeyError>;

    /// A new random data key for the environment in its wrapped form alone.
    async fn new_wrapped_key(&self, scope: Scope) -> Result<WrappedKey, KeyError>;

    /// The same data key, wrapped with the newest version of the tenant's key.
    async fn rewrap_data_key(&self, scope: Scope, wrapped: &WrappedKey) -> Result<WrappedKey, KeyError>;

    /// Refuses all versions below `minimum` from now on: what is wrapped with one no longer unwraps. At most the newest
    /// version; a minimum below the one in force changes nothing.
    async fn retire_versions(&self, tenant: TenantId, minimum: u32) -> Result<(), KeyError>;

    /// Destroys the tenant's key with all its versions: whatever was sealed under it, backups included, is unreadable from
    /// then on. Destroying it again changes nothing. Call [`crate::Sealer::forget_tenant`] too.
    async fn destroy_tenant_key(&self, tenant: TenantId) -> Result<(), KeyError>;
}

/// The versions of a tenant's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyVersions {
    /// The newest, with which new data keys are wrapped.
    pub latest: u32,
    /// The oldest that still unwraps.
    pub minimum: u32,
}

/// How the key service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyHealth {
    /// It answers, and it knows us.
    Ready,
    /// It answers, but must be unsealed first.
    Sealed,
    /// It does not answer.
    Unreachable {
        /// What was seen.
        reason: String,
    },
    /// It answers, but does not let us in, or is set up wrongly.
    Misconfigured {
        /// What to look at.
        reason: String,
    },
}

impl From<KeyError> for KeyHealth {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Sealed => Self::Sealed,
            KeyError::Unreachable { reason } => Self::Unreachable { reason },
            other => Self::Misconfigured { reason: other.to_string() },
        }
    }
}

/// An unwrapped data key: 32 bytes on the heap, wiped on drop, never printed.
#[derive(Clone)]
pub struct DataKey {
    bytes: Zeroizing<Vec<u8>>,
    /// Ready to derive messages' keys, which happens for every value; wiped by its library.
    xaes: Arc<Xaes>,
}

impl DataKey {
    /// The length in bytes.
    pub const LENGTH: usize = 32;

    /// Takes the bytes over; anything but [`DataKey::LENGTH`] of them is refused.
    pub fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        let xaes = Xaes::new(&bytes).map_err(|_| KeyError::Corrupt { what: "a data key" })?;
        Ok(Self { bytes, xaes: Arc::new(xaes) })
    }

    /// The bytes, for the cipher. Never put them anywhere else.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, ready for values.
    pub(crate) fn xaes(&self) -> &Xaes {
        &self.xaes
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[data key]")
    }
}

/// What the key service sealed, a data key as a rule, in its own text form: `vault:v3:…` or `file:v1:…`. Safe to store.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey(String);

impl WrappedKey {
    /// Takes over a text read from storage. It is checked when it is unwrapped.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands in the place of a wrapped data key where the environment's values are sealed by the key service itself.
    #[must_use]
    pub fn direct(version: u32) -> Self {
        Self(format!("{DIRECT}:v{version}"))
    }

    /// Whether it stands for no data key at all: [`WrappedKey::direct`].
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.0.split(':').next() == Some(DIRECT)
    }

    /// The version of the tenant's key that wrapped it, from 1; `None` if the text has no such part.
    #[must_use]
    pub fn version(&self) -> Option<u32> {
        self.0.split(':').nth(1)?.strip_prefix('v')?.parse().ok()
    }
}

const DIRECT: &str = "direct";

impl std::fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WrappedKey(version {:?}, {} bytes)", self.version(), self.0.len())
    }
}
