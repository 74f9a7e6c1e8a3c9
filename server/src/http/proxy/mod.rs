//! Raw calls to providers.

pub mod send;

use std::time::Duration;

use api_types::ProblemCode;
use egress::EgressError;
use flows::{
    credentials::{FreshError, UrlError},
    proxy::ProxyError,
};

use super::problem::Fail;

impl From<FreshError> for Fail {
    fn from(error: FreshError) -> Self {
        match error {
            FreshError::NotFound => Self::not_found("connection"),
            FreshError::NeedsReauth { cause, reason } => {
                let detail = format!(
                    "{reason} Open a connect session with its connection_id to repair it. Cause: {}.",
                    cause.as_str()
                );
                Self::new(ProblemCode::NeedsReauth, detail)
            }
            FreshError::NotUsable { state, reason } => {
                Self::new(ProblemCode::Conflict, format!("The connection is {state}: {reason}"))
            }
            FreshError::Misconfigured { detail } => {
                Self::new(ProblemCode::Conflict, format!("The integration has to be repaired first: {detail}."))
            }
            FreshError::ProviderDown { retry_after, ref detail } => {
                let detail = format!("The token has run out and the provider gives no new one just now: {detail}.");
                Self::new(ProblemCode::ProviderUnreachable, detail).retry_after(retry_after)
            }
            FreshError::Keys(error) => error.into(),
            FreshError::Store(error) => error.into(),
            FreshError::Internal(_) => Self::internal(&error),
        }
    }
}

impl From<ProxyError> for Fail {
    fn from(error: ProxyError) -> Self {
        match error {
            ProxyError::Connection(error) => error.into(),
            ProxyError::Target(error @ UrlError::Malformed) => Self::field("path", error.to_string()),
            ProxyError::Target(error @ UrlError::HostNotAllowed { .. }) => {
                Self::new(ProblemCode::HostNotAllowed, error.to_string())
            }
            ProxyError::Egress(error) => error.into(),
        }
    }
}

impl From<EgressError> for Fail {
    fn from(error: EgressError) -> Self {
        let detail = error.to_string();
        match error {
            EgressError::Denied { .. } | EgressError::Address { .. } => Self::new(ProblemCode::HostNotAllowed, detail),
            EgressError::Timeout { .. } => Self::new(ProblemCode::ProviderTimeout, detail),
            EgressError::Throttled { retry_after } => {
                let detail = "The provider's rate limit is used up. Wait for Retry-After.";
                Self::new(ProblemCode::RateLimited, detail).retry_after(retry_after)
            }
            EgressError::Busy { retry_after, .. } | EgressError::Resting { retry_after, .. } => {
                Self::new(ProblemCode::ProviderUnreachable, detail).retry_after(retry_after)
            }
            EgressError::Transport { .. } => Self::new(ProblemCode::ProviderUnreachable, detail)
                .retry_after(Duration::from_secs(5))
                .caused_by(&error),
            EgressError::TooLarge { .. }
            | EgressError::TooManyHeaders { .. }
            | EgressError::Redirect { .. }
            | EgressError::Encoded { .. }
            | EgressError::Credential { .. }
            | EgressError::Unsigned { .. } => Self::new(ProblemCode::ProviderUnreachable, detail),
        }
    }
}
