//! What can go wrong at a provider, sorted by what to do about it (product.md C5).

use std::time::Duration;

use egress::EgressError;

/// What is set up wrongly, so that asking again brings nothing until somebody repairs it. The text is safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misconfigured {
    /// The provider refuses the client: `invalid_client`, `unauthorized_client` and the like, by its code.
    Client(String),
    /// The provider refuses what was asked: `invalid_scope`, `invalid_target`, `invalid_request` and the like.
    Request(String),
    /// A URL of the manifest or the integration may not be reached.
    Reach(String),
    /// An extra parameter would replace one that belongs to the protocol.
    Parameter(String),
}

impl std::fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Client(code) => write!(f, "the provider refuses the client id or secret ({code})"),
            Self::Request(code) => write!(f, "the provider refuses the request ({code})"),
            Self::Reach(why) => f.write_str(why),
            Self::Parameter(name) => write!(f, "the extra parameter `{name}` belongs to the protocol"),
        }
    }
}

/// Why there is no token. Only [`Failure::Revoked`], [`Failure::Expired`] and [`Failure::RotationLost`] ask the end
/// user to reconnect. No text here holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The provider no longer honours the grant, or the code of a callback.
    #[error("the provider no longer honours the grant ({code})")]
    Revoked {
        /// The provider's own code.
        code: String,
    },
    /// The refresh token's lifetime is over, or there is none and the access token's is.
    #[error("the grant has expired")]
    Expired,
    /// The provider has rotated the refresh token and we do not have the new one. Told by whoever keeps the write-ahead
    /// intent, never by this crate.
    #[error("the provider's answer with the new refresh token was lost")]
    RotationLost,
    /// Something is set up wrongly.
    #[error("{0}")]
    ClientMisconfigured(Misconfigured),
    /// The answer came from another issuer than expected (RFC 9207). Nothing was sent to any token endpoint.
    #[error("the callback names another issuer than the one expected")]
    IssuerMismatch,
    /// The provider asks us to wait, or our own budget for it is spent.
    #[error("the provider asks us to wait")]
    Throttled {
        /// How long, if it said so.
        retry_after: Option<Duration>,
    },
    /// The provider fails, is slow, or is not there.
    #[error("the provider fails: {detail}")]
    ProviderDown {
        /// What it looks like, for logs.
        detail: String,
        /// How long to wait, if it said so.
        retry_after: Option<Duration>,
        /// Whether the provider may have acted on the request although we have no answer: it may have rotated a refresh
        /// token.
        may_have_acted: bool,
    },
    /// The provider refuses with a code that is none of the above.
    #[error("the provider refuses ({code})")]
    Refused {
        /// Its code, or the status.
        code: String,
        /// What it says, cut short and free of what we sent.
        description: Option<String>,
    },
    /// The provider answered with what is no token answer.
    #[error("the provider's answer is unusable: {0}")]
    BadAnswer(#[from] crate::answer::Unreadable),
}

impl Failure {
    /// A stable word for states, logs and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Revoked { .. } => "revoked",
            Self::Expired => "expired",
            Self::RotationLost => "rotation_lost",
            Self::ClientMisconfigured(_) => "client_misconfigured",
            Self::IssuerMismatch => "issuer_mismatch",
            Self::Throttled { .. } => "throttled",
            Self::ProviderDown { .. } => "provider_down",
            Self::Refused { .. } => "refused",
            Self::BadAnswer(_) => "bad_answer",
        }
    }

    /// Whether only the end user can help.
    #[must_use]
    pub const fn needs_reconnect(&self) -> bool {
        matches!(self, Self::Revoked { .. } | Self::Expired | Self::RotationLost)
    }

    /// How long to wait before the next try, if the provider said so.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } | Self::ProviderDown { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the provider may have handed out new tokens that we did not get to see.
    #[must_use]
    pub const fn may_have_acted(&self) -> bool {
        matches!(self, Self::BadAnswer(_) | Self::ProviderDown { may_have_acted: true, .. })
    }
}

impl From<EgressError> for Failure {
    fn from(error: EgressError) -> Self {
        match &error {
            EgressError::Throttled { retry_after } => Self::Throttled { retry_after: Some(*retry_after) },
            EgressError::Busy { retry_after, .. } | EgressError::Resting { retry_after, .. } => {
                Self::ProviderDown { detail: error.to_string(), retry_after: Some(*retry_after), may_have_acted: false }
            }
            EgressError::Denied { .. }
            | EgressError::Address { .. }
            | EgressError::Credential { .. }
            | EgressError::Unsigned { .. } => Self::ClientMisconfigured(Misconfigured::Reach(error.to_string())),
            _ => Self::ProviderDown {
                detail: error.to_string(),
                retry_after: None,
                may_have_acted: !error.nothing_was_sent(),
            },
        }
    }
}
