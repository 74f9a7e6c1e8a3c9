//! The records that syncs have brought.

pub mod export;
pub mod list;
pub mod policy;

use std::time::Duration;

use api_types::ProblemCode;
use flows::record::{ExportError, ListError, PolicyError};

use super::problem::Fail;

impl From<ListError> for Fail {
    fn from(error: ListError) -> Self {
        match error {
            ListError::NotFound => Self::new(
                ProblemCode::NotFound,
                "There is no such connection in this environment, or it has no such stream. GET /v1/syncs lists the streams.",
            ),
            ListError::BadCursor => Self::new(
                ProblemCode::BadCursor,
                "Give `next_cursor` of an earlier page of this stream, unchanged, or none to begin.",
            ),
            ListError::Missed => Self::new(
                ProblemCode::CursorExpired,
                "Deleted records that came after this cursor were removed meanwhile. Begin anew, without a cursor: what \
                 you have and what does not come is gone.",
            ),
            ListError::Field(field, said) => Self::field(field, said),
            ListError::Seal(error) => error.into(),
            ListError::Store(error) => error.into(),
        }
    }
}

impl From<ExportError> for Fail {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Read(error) => error.into(),
            ExportError::Busy => {
                let detail = "As many exports of records are under way as there may be at once. Wait for one to end.";
                Self::new(ProblemCode::RateLimited, detail).retry_after(Duration::from_secs(30))
            }
            error @ (ExportError::BrokenOff | ExportError::Write(_)) => Self::internal(&error),
        }
    }
}

impl From<PolicyError> for Fail {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::NotFound => Self::new(
                ProblemCode::NotFound,
                "There is no such integration in this environment, or its provider has no such stream.",
            ),
            PolicyError::Field(field, said) => Self::field(field, said),
            PolicyError::Store(error) => error.into(),
        }
    }
}
