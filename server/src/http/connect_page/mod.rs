//! The connect page: the hosted page itself, what it asks, the way to the provider and back.

pub mod asset;
pub mod callback;
pub mod client;
pub mod describe;
pub mod enter;
pub mod hosted;
pub mod install;
pub mod launch;
pub mod progress;
pub mod show_code;

mod screens;
mod token;

use api_types::ProblemCode;
use domain::connect::{Failure, FailureCode};
use flows::connect::{LaunchError, SessionError};

use super::problem::Fail;

impl From<SessionError> for Fail {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Unknown => Self::new(
                ProblemCode::Unauthenticated,
                "Send a connect session's token as `Authorization: Bearer cst_…`.",
            ),
            SessionError::Expired => {
                Self::new(ProblemCode::SessionExpired, "The connect session is over. Open a new one from your backend.")
            }
            SessionError::Revoked => Self::new(
                ProblemCode::SessionExpired,
                "The connect session was withdrawn. Open a new one from your backend.",
            ),
            SessionError::Store(error) => error.into(),
        }
    }
}

impl From<LaunchError> for Fail {
    fn from(error: LaunchError) -> Self {
        match error {
            LaunchError::Session(error) => error.into(),
            LaunchError::Done => {
                Self::new(ProblemCode::Conflict, "The connect session has made its connection already.")
            }
            LaunchError::NotOffered => Self::not_found("integration"),
            LaunchError::WrongBrowser => Self::new(
                ProblemCode::Conflict,
                "The install arrived in another browser, which alone may go on with it.",
            ),
            LaunchError::InstallOver => Self::new(
                ProblemCode::Conflict,
                "The install was used before, or waited too long. Begin again at the vendor's marketplace.",
            ),
            LaunchError::Fields(fields) => Self::fields(fields),
            LaunchError::Misconfigured(detail) => Self::new(ProblemCode::IntegrationMisconfigured, detail),
            LaunchError::Refused(failure) => failure.into(),
            LaunchError::Seal(error) => error.into(),
            LaunchError::Store(error) => error.into(),
        }
    }
}

impl From<Failure> for Fail {
    fn from(failure: Failure) -> Self {
        let code = match failure.code {
            FailureCode::Misconfigured => ProblemCode::IntegrationMisconfigured,
            FailureCode::ProviderUnreachable => ProblemCode::ProviderUnreachable,
            FailureCode::ConsentDenied
            | FailureCode::ProviderError
            | FailureCode::DifferentAccount
            | FailureCode::Expired => ProblemCode::CredentialRefused,
        };
        Self::new(code, failure.detail).provider_said(failure.said)
    }
}
