//! What can go wrong with keys, as far as a caller can act on it.

use std::{sync::Arc, time::Duration};

use ids::DataKeyId;

/// Why a key operation, a seal or an open failed. No variant carries a key, a plaintext, a token or an answer's body.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyError {
    /// The key service is up but sealed; an operator must unseal it. Answer 503 with [`KeyError::retry_after`].
    #[error("the key service is sealed")]
    Sealed,
    /// The key service did not answer, or not in time, or said that it cannot serve now. Answer 503 likewise.
    #[error("the key service cannot be reached: {reason}")]
    Unreachable {
        /// What was seen, in words for the operator.
        reason: String,
    },
    /// The key service knows us too little: wrong credentials or a policy that does not allow this. An operator's to repair.
    #[error("the key service refused to {action}: check the credentials and the policy of this server")]
    Denied {
        /// What was asked of it, as a verb phrase.
        action: &'static str,
    },
    /// The tenant has no key: it was never made, or it was destroyed and everything sealed under it is gone.
    #[error("the tenant has no key: it was never made, or it has been destroyed")]
    NotFound,
    /// The bytes were altered, cut, or belong to another tenant, environment, table, column or row.
    #[error("{what} does not open: it was altered, or it belongs to another tenant, environment or place")]
    Corrupt {
        /// Which bytes: a wrapped data key, a sealed value, the keyring.
        what: &'static str,
    },
    /// It was sealed with a version of the tenant's key that the key service does not have (yet): a key service restored
    /// from a backup older than the database, or the wrong one.
    #[error(
        "{what} is of a newer version of the tenant's key than the key service has: was it restored from an older backup?"
    )]
    FutureVersion {
        /// Which bytes.
        what: &'static str,
    },
    /// It was sealed with a version of the tenant's key that was retired: a backup from before `patchbay keys retire`.
    #[error("{what} is of a version of the tenant's key that has been retired: is it from an older backup?")]
    RetiredVersion {
        /// Which bytes.
        what: &'static str,
    },
    /// The value names another data key than the one handed in: load the record that it names.
    #[error("the value is sealed with {sealed_with}, but {given} was handed in")]
    WrongDataKey {
        /// The data key that the value names.
        sealed_with: DataKeyId,
        /// The one that was handed in.
        given: DataKeyId,
    },
    /// Something about the configuration, with what to do about it.
    #[error("{0}")]
    Config(String),
    /// Anything else; the chain says more, and holds no secret.
    #[error("the key service failed: {doing}")]
    Internal {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

impl KeyError {
    /// How long to wait before asking again, where a dependency is down; `None` where waiting does not help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Sealed => Some(Duration::from_secs(5)),
            Self::Unreachable { .. } => Some(Duration::from_secs(2)),
            _ => None,
        }
    }

    /// Whether the key service is down, so that what is already unwrapped may serve for a bounded time.
    #[must_use]
    pub fn is_dependency_down(&self) -> bool {
        self.retry_after().is_some()
    }

    /// The same, said of a sealed value where the key service was handed one instead of a data key.
    pub(crate) fn of_value(self) -> Self {
        let what = "a sealed value";
        match self {
            Self::Corrupt { .. } => Self::Corrupt { what },
            Self::FutureVersion { .. } => Self::FutureVersion { what },
            Self::RetiredVersion { .. } => Self::RetiredVersion { what },
            other => other,
        }
    }

    pub(crate) fn internal(doing: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal { doing, source: source.into().into() }
    }
}
