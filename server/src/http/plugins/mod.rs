//! Plugins that are pushed to an environment, the keys that may sign them, and which versions are in force.

pub mod approve;
pub mod list;
pub mod list_keys;
pub mod list_versions;
pub mod pin;
pub mod push;
pub mod register_key;
pub mod revoke_key;
pub mod rollback;
pub mod unpin;
pub mod version;
pub mod withdraw;

use api_types::{
    ProblemCode,
    plugin::{PluginKey, PluginPin, PluginVersion, PluginVersionState},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flows::plugin::{KeysError, Pinned, PublicKey, PushError, VersionError};
use store::{PluginKeyRow, PluginVersionRow};

use super::problem::Fail;

impl From<VersionError> for Fail {
    fn from(error: VersionError) -> Self {
        match error {
            VersionError::NotFound => Self::not_found("plugin or version"),
            VersionError::Conflict(words) => Self::new(ProblemCode::Conflict, words),
            VersionError::Store(error) => error.into(),
        }
    }
}

impl From<KeysError> for Fail {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Name => Self::field("name", error.to_string()),
            KeysError::Key(error) => Self::field("public_key", error.to_string()),
            KeysError::Known { .. } => Self::new(ProblemCode::Conflict, format!("{error}.")),
            KeysError::Store(error) => error.into(),
        }
    }
}

impl From<PushError> for Fail {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Refused(reason, words) => refused(reason.part(), words),
            PushError::Taken(_) | PushError::TooMany(_) => Self::new(ProblemCode::Conflict, format!("{error}.")),
            PushError::NoHost | PushError::Internal(_) => Self::internal(&error),
            PushError::Store(error) => error.into(),
        }
    }
}

/// A package is refused for one of its parts.
fn refused(part: &'static str, words: String) -> Fail {
    Fail::new(ProblemCode::PluginRefused, format!("{part}: {words}")).naming(part, words)
}

/// A public key as people write it; what no code of ours stored is shown as nothing.
fn written(bytes: &[u8]) -> String {
    PublicKey::from_bytes(bytes).map(|key| key.to_string()).unwrap_or_default()
}

fn key(row: PluginKeyRow) -> PluginKey {
    PluginKey {
        fingerprint: PublicKey::from_bytes(&row.public_key).map(|key| key.fingerprint()).unwrap_or_default(),
        public_key: written(&row.public_key),
        id: row.id,
        name: row.name,
        created_by: row.created_by,
        created_at: row.created_at,
        revoked_at: row.revoked_at,
    }
}

/// A version as it is shown, without its manifest.
fn show(row: &PluginVersionRow, is_pinned: bool) -> PluginVersion {
    let state = if row.withdrawn_at.is_some() {
        PluginVersionState::Withdrawn
    } else if row.needs_approval() {
        PluginVersionState::NeedsApproval
    } else {
        PluginVersionState::Ready
    };
    PluginVersion {
        plugin: row.slug.clone(),
        version: row.version.clone(),
        state,
        is_pinned,
        asks: serde_json::from_value(row.asks.clone()).unwrap_or_default(),
        abi: row.abi.clone(),
        component_sha256: hex::encode(&row.component_sha256),
        component_bytes: u64::try_from(row.component_bytes).unwrap_or_default(),
        signed_by: written(&row.public_key),
        signature: STANDARD.encode(&row.signature),
        author: row.author.clone(),
        created_at: row.created_at,
        approved_by: row.approved_by.clone(),
        approved_at: row.approved_at,
        manifest: None,
    }
}

fn pinned(pinned: Pinned) -> PluginPin {
    PluginPin {
        plugin: pinned.pin.slug,
        version: pinned.version,
        replaced: pinned.replaced,
        pinned_by: pinned.pin.pinned_by,
        pinned_at: pinned.pin.pinned_at,
    }
}
