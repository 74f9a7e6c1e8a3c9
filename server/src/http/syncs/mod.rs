//! Recurring pulls.

pub mod cancel;
pub mod create;
pub mod delete;
pub mod list;
pub mod pause;
pub mod resume;
pub mod resync;
pub mod schedule;
pub mod trigger;
pub mod update;

use api_types::{
    ProblemCode,
    sync::{RunSummary, Sync, SyncSchedule},
};
use domain::schedule::Schedule;
use flows::sync::{ControlError, SetScheduleError, VariantError};
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

impl From<SetScheduleError> for Fail {
    fn from(error: SetScheduleError) -> Self {
        match error {
            SetScheduleError::NotFound => Self::not_found("sync"),
            SetScheduleError::Field(field, said) => Self::field(field, said),
            SetScheduleError::NoDefault => Self::new(ProblemCode::Conflict, format!("{error}.")),
            SetScheduleError::Store(error) => error.into(),
        }
    }
}

impl From<VariantError> for Fail {
    fn from(error: VariantError) -> Self {
        match error {
            VariantError::NotFound(what) => Self::not_found(what),
            VariantError::Field(field, said) => Self::field(field, said),
            VariantError::Taken(_)
            | VariantError::TooMany
            | VariantError::NotAVariant
            | VariantError::NoParams
            | VariantError::Same(_)
            | VariantError::NotConnected(_) => Self::new(ProblemCode::Conflict, format!("{error}.")),
            VariantError::Store(error) => error.into(),
        }
    }
}

fn schedule_of(schedule: &Schedule) -> SyncSchedule {
    match schedule {
        Schedule::Every(seconds) => SyncSchedule { every_seconds: Some(*seconds), cron: None, time_zone: None },
        Schedule::Cron(times) => SyncSchedule {
            every_seconds: None,
            cron: Some(times.expression().to_owned()),
            time_zone: Some(times.zone().to_owned()),
        },
    }
}

/// A sync as it is shown.
pub(super) fn show(row: SyncRow) -> Sync {
    Sync {
        id: row.id,
        connection_id: row.connection,
        variant: (!row.variant.is_empty()).then_some(row.variant),
        params: row.params,
        since: row.since,
        mode: row.mode.as_str().to_owned(),
        schedule: schedule_of(&row.schedule),
        has_own_schedule: row.has_own_schedule,
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
