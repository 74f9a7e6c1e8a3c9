//! Executions of syncs.

pub mod get;
pub mod list;
pub mod logs;

use api_types::sync::{Run, RunCounts, RunError, RunState, RunSummary};
use domain::run::RunState as Stored;
use store::RunRow;

/// Where a run stands, as it is shown.
pub(super) const fn state(state: Stored) -> RunState {
    match state {
        Stored::Running => RunState::Running,
        Stored::Succeeded => RunState::Succeeded,
        Stored::Failed => RunState::Failed,
        Stored::Cancelled => RunState::Cancelled,
    }
}

/// A run in short.
pub(super) fn summary(run: RunRow) -> RunSummary {
    RunSummary {
        id: run.id,
        stream: run.stream,
        state: state(run.state),
        started_at: run.started_at,
        finished_at: run.finished_at,
    }
}

/// A run as it is shown.
pub(super) fn show(run: RunRow) -> Run {
    Run {
        id: run.id,
        sync_id: run.sync,
        connection_id: run.connection,
        stream: run.stream,
        trigger: run.trigger.as_str().to_owned(),
        state: state(run.state),
        counts: RunCounts {
            pages: run.pages,
            added: run.counts.added,
            updated: run.counts.updated,
            deleted: run.counts.deleted,
            unchanged: run.counts.unchanged,
        },
        error: run.error.map(|error| RunError {
            code: error.code,
            message: error.message,
            blame: error.blame.as_str().to_owned(),
        }),
        started_at: run.started_at,
        finished_at: run.finished_at,
    }
}
