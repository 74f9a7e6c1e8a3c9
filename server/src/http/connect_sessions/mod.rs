//! Connect sessions, as the tenant's backend opens, polls and withdraws them.

pub mod create;
pub mod get;
pub mod revoke;

use api_types::connect::{AttemptFailure, AttemptFailureCode, EndUser, SessionStatus};
use domain::connect::{self, Failure, FailureCode};
use flows::connect::OpenError;

use super::problem::Fail;

impl From<OpenError> for Fail {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Fields(fields) => Self::fields(fields),
            OpenError::Store(error) => error.into(),
        }
    }
}

pub(super) fn status(status: connect::SessionStatus) -> SessionStatus {
    match status {
        connect::SessionStatus::Open => SessionStatus::Open,
        connect::SessionStatus::InProgress => SessionStatus::InProgress,
        connect::SessionStatus::Connected => SessionStatus::Connected,
        connect::SessionStatus::Expired => SessionStatus::Expired,
        connect::SessionStatus::Revoked => SessionStatus::Revoked,
    }
}

pub(super) fn failure(failure: Failure) -> AttemptFailure {
    let code = match failure.code {
        FailureCode::ConsentDenied => AttemptFailureCode::ConsentDenied,
        FailureCode::ProviderError => AttemptFailureCode::ProviderError,
        FailureCode::ProviderUnreachable => AttemptFailureCode::ProviderUnreachable,
        FailureCode::Misconfigured => AttemptFailureCode::Misconfigured,
        FailureCode::DifferentAccount => AttemptFailureCode::DifferentAccount,
        FailureCode::Expired => AttemptFailureCode::Expired,
    };
    AttemptFailure { code, detail: failure.detail }
}

pub(super) fn end_user(user: connect::EndUser) -> EndUser {
    EndUser { id: user.id, name: user.name }
}
