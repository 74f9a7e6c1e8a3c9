//! The records that syncs have brought.

pub mod list;

use api_types::{ProblemCode, sync::Record};
use flows::record::ListError;
use store::RecordRow;

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
            ListError::Store(error) => error.into(),
        }
    }
}

/// A record as it is shown.
pub(super) fn show(row: RecordRow) -> Record {
    Record {
        id: row.external_id,
        data: row.body,
        created_at: row.created_at,
        updated_at: row.updated_at,
        deleted_at: row.deleted_at,
    }
}
