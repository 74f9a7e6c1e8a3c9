//! Recurring pulls.

pub mod list;
pub mod pause;
pub mod resume;
pub mod trigger;

use api_types::{
    ProblemCode,
    sync::{RunSummary, Sync},
};
use flows::sync::ControlError;
use store::SyncRow;

use super::{problem::Fail, runs};

impl From<ControlError> for Fail {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::NotFound => Self::not_found("sync"),
            ControlError::Paused => Self::new(ProblemCode::Conflict, "The sync is paused. Resume it first."),
            ControlError::NeedsReauth { reason } => Self::new(ProblemCode::NeedsReauth, reason),
            ControlError::NotConnected { .. } => Self::new(ProblemCode::Conflict, format!("{error}.")),
            ControlError::Store(error) => error.into(),
        }
    }
}

/// A sync as it is shown.
pub(super) fn show(row: SyncRow) -> Sync {
    Sync {
        id: row.id,
        connection_id: row.connection,
        mode: row.mode.as_str().to_owned(),
        every_seconds: row.every_seconds,
        paused: row.paused_at.is_some(),
        next_run_at: row.next_run_at,
        last_run: row.last_run.map(|run| RunSummary {
            id: run.id,
            stream: row.stream.clone(),
            state: runs::state(run.state),
            started_at: run.started_at,
            finished_at: run.finished_at,
        }),
        stream: row.stream,
    }
}
