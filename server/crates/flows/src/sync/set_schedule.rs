//! When a sync runs by itself, as the tenant wants it.

use domain::schedule::{CronTimes, Schedule, ScheduleError};
use ids::SyncId;
use serde_json::json;
use store::{StoreError, SyncRow};

use super::schedule::{every_seconds, next_run};
use crate::{Ctx, audit};

/// The shortest and the longest interval, in seconds.
const INTERVALS: std::ops::RangeInclusive<u32> = 60..=31 * 24 * 60 * 60;

/// What the tenant wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedSchedule {
    /// A run after so many seconds.
    Every(u32),
    /// Runs at certain times.
    Cron {
        /// A cron expression of five fields.
        expression: String,
        /// The IANA name of the time zone it is meant in.
        zone: String,
    },
    /// What the provider's manifest has.
    Default,
}

/// Why a schedule was not set.
#[derive(Debug, thiserror::Error)]
pub enum SetScheduleError {
    /// No such sync here.
    #[error("there is no such sync")]
    NotFound,
    /// A field is not what it must be.
    #[error("{0}: {1}")]
    Field(&'static str, String),
    /// The provider, or its stream, is not there any more, so there is no default.
    #[error("the provider of this sync has no such stream any more")]
    NoDefault,
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for SetScheduleError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

/// Sets when a sync runs by itself. A run that is under way goes on.
///
/// # Errors
/// [`SetScheduleError`].
pub async fn set_schedule(ctx: Ctx<'_>, id: SyncId, wanted: &WantedSchedule) -> Result<SyncRow, SetScheduleError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let sync = tx.syncs().lock(id).await?;
    let (schedule, is_own) = match wanted {
        WantedSchedule::Every(seconds) if INTERVALS.contains(seconds) => (Schedule::Every(*seconds), true),
        WantedSchedule::Every(_) => {
            let said = format!("must be {} to {}", INTERVALS.start(), INTERVALS.end());
            return Err(SetScheduleError::Field("every_seconds", said));
        }
        WantedSchedule::Cron { expression, zone } => {
            let times = CronTimes::parse(expression, zone).map_err(|error| {
                let field = if matches!(error, ScheduleError::Zone(_)) { "time_zone" } else { "cron" };
                SetScheduleError::Field(field, error.to_string())
            })?;
            (Schedule::Cron(times), true)
        }
        WantedSchedule::Default => {
            let integration = tx.connections().context(sync.connection).await?.integration;
            let provider = services.providers.find(&mut tx, &integration.provider).await?;
            let stream = provider.as_ref().and_then(|provider| provider.manifest.stream(&sync.stream));
            (Schedule::Every(every_seconds(stream.ok_or(SetScheduleError::NoDefault)?)), false)
        }
    };
    tx.syncs().set_schedule(id, &schedule, is_own, next_run(services, &schedule, sync.failures)).await?;
    let detail = match &schedule {
        Schedule::Every(seconds) => json!({ "every_seconds": seconds, "is_default": !is_own }),
        Schedule::Cron(times) => json!({ "cron": times.expression(), "time_zone": times.zone() }),
    };
    tx.audit(audit::row(services, ctx.actor, "sync.schedule_set", id, detail)).await?;
    let sync = tx.syncs().find(id).await?;
    tx.commit().await?;
    Ok(sync)
}
