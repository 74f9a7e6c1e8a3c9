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
    /// Where values are sealed.
    pub sealing: SealingMode,
    /// How many messages one data key seals before another takes its place.
    pub messages_per_data_key: u64,
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

/// Where values are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SealingMode {
    /// Here, with data keys that the key service wraps.
    Envelope,
    /// In the key service, each by a request.
    Direct,
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
    /// A role of the Kubernetes method to sign in with.
    pub kubernetes_role: String,
    /// Where the Kubernetes method is mounted.
    pub kubernetes_mount: String,
    /// The file with the service account's token.
    pub kubernetes_token_file: PathBuf,
    /// The identity of `patchbay keys`.
    pub rotator: Rotator,
    /// The certificate authority to trust; empty for the system's.
    pub ca_file: PathBuf,
    /// Milliseconds for one operation.
    pub deadline_ms: u64,
}

/// The identity of `patchbay keys`, which governs keys and opens nothing. The server's where none is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotator {
    /// A token.
    pub token: Secret,
    /// An AppRole.
    pub role_id: String,
    /// Its secret.
    pub secret_id: Secret,
}

/// 2^32, at which random nonces alone would not do (NIST SP 800-38D, 8.3). Ours are derived besides, so this is caution.
const MOST_MESSAGES: u64 = 1 << 32;

impl Keys {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if !(1..=MOST_MESSAGES).contains(&self.messages_per_data_key) {
            return refuse("keys.messages_per_data_key", format!("must be from 1 to {MOST_MESSAGES}"));
        }
        let vault = &self.vault;
        let ways = [vault.token.expose(), &vault.role_id, &vault.kubernetes_role];
        match ways.iter().filter(|way| !way.is_empty()).count() {
            _ if self.kind != KeyKind::Vault => {}
            0 => return refuse("keys.vault", "set token, or role_id and secret_id, or kubernetes_role"),
            1 => {}
            _ => return refuse("keys.vault", "set only one of token, role_id and kubernetes_role"),
        }
        if self.kind == KeyKind::File && self.file.path.as_os_str().is_empty() {
            return refuse("keys.file.path", "name a file");
        }
        Ok(())
    }
}
