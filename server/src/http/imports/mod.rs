//! Imports of many connections.

pub mod create;
pub mod get;
pub mod rows;

use api_types::{
    ProblemCode,
    connection::{Import, ImportRowError},
};
use flows::connection::{BulkError, Taken};

use super::problem::Fail;

impl From<BulkError> for Fail {
    fn from(error: BulkError) -> Self {
        match error {
            BulkError::NotFound => Self::not_found("import"),
            BulkError::Field(field, words) => Self::field(field, words),
            BulkError::Finished => {
                Self::new(ProblemCode::Conflict, "The import is finished. Begin another; what is there already stays.")
            }
            BulkError::Superseded => Self::new(
                ProblemCode::Conflict,
                "Somebody else is sending rows of this import. GET it, and go on from its `next_row`.",
            ),
            BulkError::Store(error) => error.into(),
        }
    }
}

/// An import as it is shown.
fn show(taken: Taken) -> Import {
    let count = |number: i64| u64::try_from(number).unwrap_or_default();
    let row = taken.import;
    let error = |error: store::ImportErrorRow| ImportRowError {
        row: count(error.row_number),
        line: count(error.line),
        field: error.field,
        detail: error.words,
    };
    Import {
        id: row.id,
        integration_id: row.integration,
        next_row: count(row.next_row),
        made: count(row.made),
        present: count(row.present),
        wrong: count(row.wrong),
        created_at: row.created_at,
        finished_at: row.finished_at,
        errors: taken.errors.into_iter().map(error).collect(),
        stopped: taken.stopped,
    }
}
