//! What was written about runs of syncs, and about calls of actions.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::run::LogLevel;
use ids::{ActionRunId, RunId};

use crate::{
    StoreError,
    action_runs::ActionRuns,
    runs::Runs,
    schema::{action_run_logs, run_logs},
    words::{count, word},
};

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Line number, from 1.
    pub line: u32,
    /// How grave.
    pub level: LogLevel,
    /// The line.
    pub message: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Two tables of the same kind: one keeps a run's lines, the other a call's.
macro_rules! log {
    ($all:ident, $logs:ident, $run:ident, $id:ty) => {
        impl $all<'_> {
            /// Adds lines to the log.
            ///
            /// # Errors
            /// The insert failed.
            pub async fn add_lines(&mut self, run: $id, lines: &[LogRow]) -> Result<(), StoreError> {
                if lines.is_empty() {
                    return Ok(());
                }
                let rows: Vec<_> = lines
                    .iter()
                    .map(|line| {
                        (
                            $logs::$run.eq(run),
                            $logs::line.eq(i32::try_from(line.line).unwrap_or(i32::MAX)),
                            $logs::tenant_id.eq(self.scope.tenant),
                            $logs::environment_id.eq(self.scope.environment),
                            $logs::level.eq(line.level.as_str()),
                            $logs::message.eq(&line.message),
                            $logs::at.eq(line.at),
                        )
                    })
                    .collect();
                // Seven values a line, and Postgres takes 65,535 at once.
                for some in rows.chunks(5_000) {
                    diesel::insert_into($logs::table)
                        .values(some.to_vec())
                        .on_conflict_do_nothing()
                        .execute(self.connection)
                        .await?;
                }
                Ok(())
            }

            /// The number of the last line.
            ///
            /// # Errors
            /// The query failed.
            pub async fn last_line(&mut self, run: $id) -> Result<u32, StoreError> {
                let last: Option<i32> = $logs::table
                    .filter($logs::$run.eq(run))
                    .select(diesel::dsl::max($logs::line))
                    .first(self.connection)
                    .await?;
                count(stringify!($logs), last.unwrap_or_default())
            }

            /// Lines after one of them.
            ///
            /// # Errors
            /// The query failed.
            pub async fn lines(&mut self, run: $id, after: u32, limit: i64) -> Result<Vec<LogRow>, StoreError> {
                let (tenant, environment) = (self.scope.tenant, self.scope.environment);
                let after = i32::try_from(after).unwrap_or(i32::MAX);
                let rows: Vec<(i32, String, String, DateTime<Utc>)> = $logs::table
                    .filter($logs::tenant_id.eq(tenant).and($logs::environment_id.eq(environment)))
                    .filter($logs::$run.eq(run).and($logs::line.gt(after)))
                    .order($logs::line)
                    .limit(limit)
                    .select(($logs::line, $logs::level, $logs::message, $logs::at))
                    .load(self.connection)
                    .await?;
                rows.into_iter()
                    .map(|(line, level, message, at)| {
                        let level = word(stringify!($logs), &level, LogLevel::parse)?;
                        Ok(LogRow { line: count(stringify!($logs), line)?, level, message, at })
                    })
                    .collect()
            }
        }
    };
}

log!(Runs, run_logs, run_id, RunId);
log!(ActionRuns, action_run_logs, action_run_id, ActionRunId);
