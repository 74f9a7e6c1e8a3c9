//! Removes what nobody needs any more, a bounded number of rows at a time.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::RunQueryDsl;

use crate::{StoreError, System, Tx};

/// What is removed: a name for the log, for how many days it is kept, and how. `$1` is the time before which it is
/// old, `$2` the most rows at once.
const RULES: &[(&str, i64, &str)] = &[
    (
        "connect sessions",
        7,
        "DELETE FROM connect_sessions WHERE connect_session_id IN
            (SELECT connect_session_id FROM connect_sessions WHERE expires_at < $1 LIMIT $2)",
    ),
    (
        "installs",
        1,
        "DELETE FROM installs WHERE install_id IN
            (SELECT install_id FROM installs WHERE expires_at < $1 LIMIT $2)",
    ),
    (
        "connect attempts",
        1,
        "DELETE FROM connect_attempts WHERE attempt_id IN
            (SELECT attempt_id FROM connect_attempts WHERE expires_at < $1 LIMIT $2)",
    ),
    (
        "portal sessions",
        1,
        "DELETE FROM portal_sessions WHERE portal_session_id IN
            (SELECT portal_session_id FROM portal_sessions WHERE expires_at < $1 LIMIT $2)",
    ),
    (
        "runs",
        30,
        "DELETE FROM runs WHERE run_id IN
            (SELECT r.run_id FROM runs r JOIN syncs s USING (sync_id)
             WHERE r.finished_at < $1 AND s.last_run_id IS DISTINCT FROM r.run_id LIMIT $2)",
    ),
    (
        "what webhooks of providers held",
        3,
        "UPDATE inbound_deliveries SET kept = NULL, event = NULL, account = NULL, reason = NULL, forgotten_at = now()
         WHERE inbound_id IN (SELECT inbound_id FROM inbound_deliveries
             WHERE received_at < $1 AND forgotten_at IS NULL AND state <> 'waiting' LIMIT $2)",
    ),
    (
        "webhooks of providers",
        KNOWN_DAYS,
        "DELETE FROM inbound_deliveries WHERE inbound_id IN
            (SELECT inbound_id FROM inbound_deliveries WHERE received_at < $1 AND state <> 'waiting' LIMIT $2)",
    ),
    (
        "events",
        30,
        "DELETE FROM events WHERE event_id IN
            (SELECT event_id FROM events e WHERE at < $1
             AND NOT EXISTS (SELECT FROM deliveries d WHERE d.event_id = e.event_id AND d.state = 'pending') LIMIT $2)",
    ),
    (
        "revocations of connections that are gone",
        90,
        "DELETE FROM revocations WHERE connection_id IN
            (SELECT r.connection_id FROM revocations r WHERE r.finished_at < $1
             AND NOT EXISTS (SELECT FROM connections c WHERE c.connection_id = r.connection_id) LIMIT $2)",
    ),
    (
        "outputs of actions",
        7,
        "UPDATE action_runs SET output = NULL, forgotten_at = now() WHERE action_run_id IN
            (SELECT action_run_id FROM action_runs WHERE finished_at < $1 AND output IS NOT NULL LIMIT $2)",
    ),
    (
        "calls of actions",
        30,
        "DELETE FROM action_runs WHERE action_run_id IN
            (SELECT action_run_id FROM action_runs WHERE finished_at < $1 LIMIT $2)",
    ),
    (
        "imports",
        30,
        "DELETE FROM imports WHERE import_id IN (SELECT import_id FROM imports WHERE created_at < $1 LIMIT $2)",
    ),
    (
        "dead jobs",
        30,
        "DELETE FROM jobs WHERE job_id IN (SELECT job_id FROM jobs WHERE state = 'dead' AND run_at < $1 LIMIT $2)",
    ),
];

/// So long a delivery of a provider that came before is known again. Where no time is signed, one that somebody captured is
/// as good as new after that; providers themselves send again for days, not for months.
const KNOWN_DAYS: i64 = 90;

impl Tx<System> {
    /// Removes at most `limit` rows of each kind that are too old. Gives what was removed; a full count means that there
    /// may be more.
    ///
    /// # Errors
    /// A query failed.
    pub async fn clean_up(&mut self, now: DateTime<Utc>, limit: i64) -> Result<Vec<(&'static str, usize)>, StoreError> {
        let mut removed = Vec::new();
        for (name, days, sql) in RULES {
            let rows = diesel::sql_query(*sql)
                .bind::<Timestamptz, _>(now - TimeDelta::days(*days))
                .bind::<BigInt, _>(limit)
                .execute(self.connection())
                .await?;
            if rows > 0 {
                removed.push((*name, rows));
            }
        }
        Ok(removed)
    }
}
