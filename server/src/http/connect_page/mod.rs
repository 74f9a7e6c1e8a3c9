//! The connect page: the hosted page itself, what it asks, the way to the provider and back.

pub mod asset;
pub mod callback;
pub mod describe;
pub mod hosted;
pub mod launch;
pub mod progress;

mod screens;
mod token;

use api_types::ProblemCode;
use flows::connect::SessionError;

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
