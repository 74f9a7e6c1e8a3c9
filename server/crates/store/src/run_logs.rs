//! What was written about runs.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::run::LogLevel;
use ids::RunId;

use crate::{
    StoreError,
    runs::Runs,
    schema::run_logs,
    words::{count, word},
};

/// A line of a run's log.
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

impl Runs<'_> {
    /// Adds lines to the log.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn add_lines(&mut self, run: RunId, lines: &[LogRow]) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = lines
            .iter()
            .map(|line| {
                (
                    run_logs::run_id.eq(run),
                    run_logs::line.eq(i32::try_from(line.line).unwrap_or(i32::MAX)),
                    run_logs::tenant_id.eq(self.scope.tenant),
                    run_logs::environment_id.eq(self.scope.environment),
                    run_logs::level.eq(line.level.as_str()),
                    run_logs::message.eq(&line.message),
                    run_logs::at.eq(line.at),
                )
            })
            .collect();
        // Seven values a line, and Postgres takes 65,535 at once.
        for some in rows.chunks(5_000) {
            diesel::insert_into(run_logs::table)
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
    pub async fn last_line(&mut self, run: RunId) -> Result<u32, StoreError> {
        let last: Option<i32> = run_logs::table
            .filter(run_logs::run_id.eq(run))
            .select(diesel::dsl::max(run_logs::line))
            .first(self.connection)
            .await?;
        count("run_logs", last.unwrap_or_default())
    }

    /// Lines after one of them.
    ///
    /// # Errors
    /// The query failed.
    pub async fn lines(&mut self, run: RunId, after: u32, limit: i64) -> Result<Vec<LogRow>, StoreError> {
        let rows: Vec<(i32, String, String, DateTime<Utc>)> = run_logs::table
            .filter(run_logs::tenant_id.eq(self.scope.tenant).and(run_logs::environment_id.eq(self.scope.environment)))
            .filter(run_logs::run_id.eq(run).and(run_logs::line.gt(i32::try_from(after).unwrap_or(i32::MAX))))
            .order(run_logs::line)
            .limit(limit)
            .select((run_logs::line, run_logs::level, run_logs::message, run_logs::at))
            .load(self.connection)
            .await?;
        rows.into_iter()
            .map(|(line, level, message, at)| {
                let level = word("run_logs", &level, LogLevel::parse)?;
                Ok(LogRow { line: count("run_logs", line)?, level, message, at })
            })
            .collect()
    }
}
