//! `[keys]`

use std::path::PathBuf;

use domain::secret::Secret;
use serde::Deserialize;
use url::Url;

use super::{ConfigError, refuse};

/// Who holds the tenants' keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Which of the two.
    pub kind: KeyKind,
    /// The keyring in a file.
    pub file: KeyFile,
    /// Vault's transit engine.
    pub vault: Vault,
}

/// Which key service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Vault's transit engine.
    Vault,
    /// A keyring in a file.
    File,
}

/// The keyring in a file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// Where it is.
    pub path: PathBuf,
}

/// Vault's transit engine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vault {
    /// The server's origin.
    pub address: Url,
    /// Where the transit engine is mounted.
    pub mount: String,
    /// The namespace; empty for none.
    pub namespace: String,
    /// A token to sign in with.
    pub token: Secret,
    /// An AppRole to sign in with.
    pub role_id: String,
    /// Its secret.
    pub secret_id: Secret,
    /// Where AppRole is mounted.
    pub approle_mount: String,
    /// The certificate authority to trust; empty for the system's.
    pub ca_file: PathBuf,
    /// Milliseconds for one operation.
    pub deadline_ms: u64,
}

impl Keys {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.kind == KeyKind::Vault && self.vault.token.expose().is_empty() && self.vault.role_id.is_empty() {
            return refuse("keys.vault", "set token, or role_id and secret_id");
        }
        if self.kind == KeyKind::File && self.file.path.as_os_str().is_empty() {
            return refuse("keys.file.path", "name a file");
        }
        Ok(())
    }
}
