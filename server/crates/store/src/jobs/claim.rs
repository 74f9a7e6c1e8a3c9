//! Who waits, and taking jobs of those whose turn it is.
//!
//! Both statements touch the rows that they give and little else, however many wait: lanes are found one index probe at a
//! time, each with its oldest job, and of a lane the index gives the oldest first.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Integer, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;
use domain::{
    Scope,
    turns::{Lane, Turn, Waiting},
};
use ids::{EnvironmentId, JobId, TenantId};
use serde_json::{Value, json};

use super::{JobLease, Jobs};
use crate::{StoreError, System};

/// A job in the hands of a worker.
#[derive(Debug, Clone)]
pub struct ClaimedJob {
    /// Its lease, to be shown with everything that is said about the job.
    pub lease: JobLease,
    /// On whose behalf.
    pub scope: Scope,
    /// Tries, this one included.
    pub attempt: u32,
    /// What to do.
    pub payload: Value,
    /// Since when it was due.
    pub run_at: DateTime<Utc>,
    /// Why the try before this failed.
    pub last_error: Option<String>,
    /// The lane that it was taken from.
    pub lane: Lane,
}

/// What to claim.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Of which queue.
    pub queue: &'a str,
    /// Of which lanes, and of each at most so many.
    pub turns: &'a [Turn],
    /// Of a connection no more than so many run at once, on all nodes together. Two nodes that claim at the same moment
    /// may go over it: it spares a provider, and nothing rests on it.
    pub per_connection: i64,
    /// Who claims.
    pub worker: &'a str,
    /// The time now.
    pub now: DateTime<Utc>,
    /// Until when the lease holds without a heartbeat.
    pub lease_until: DateTime<Utc>,
}

/// Walks the lanes that have waiting jobs one index probe at a time; the first row of each is its oldest.
const WAITING: &str = "
WITH RECURSIVE lanes AS (
    (SELECT tenant_id, priority, party, run_at, 1 AS place FROM jobs
     WHERE queue = $1 AND state = 'waiting' AND (tenant_id, priority, party) > ($2, $3, $4)
     ORDER BY tenant_id, priority, party, run_at, job_id LIMIT 1)
    UNION ALL
    SELECT next.tenant_id, next.priority, next.party, next.run_at, lanes.place + 1 FROM lanes CROSS JOIN LATERAL (
        SELECT j.tenant_id, j.priority, j.party, j.run_at FROM jobs j
        WHERE j.queue = $1 AND j.state = 'waiting'
            AND (j.tenant_id, j.priority, j.party) > (lanes.tenant_id, lanes.priority, lanes.party)
        ORDER BY j.tenant_id, j.priority, j.party, j.run_at, j.job_id LIMIT 1) next
    WHERE lanes.place < $5
)
SELECT tenant_id, priority, party, run_at, run_at <= $6 AS is_due,
    coalesce((SELECT weight FROM tenants t WHERE t.tenant_id = lanes.tenant_id), 1::smallint) AS weight
FROM lanes ORDER BY place";

/// Takes the first few due of each lane that do not have their key running and whose connection has not as many running as
/// it may. The scalar subquery is on purpose: as an anti-join the planner reads all running rows. Of two with the same key
/// only the first is taken.
const CLAIM: &str = "
WITH busy AS MATERIALIZED (
    SELECT connection_id, count(*) AS running FROM jobs
    WHERE queue = $1 AND state = 'running' AND connection_id IS NOT NULL GROUP BY connection_id
), due AS (
    SELECT job.* FROM jsonb_to_recordset($2) AS lane (tenant_id uuid, priority smallint, party text, most bigint) CROSS JOIN LATERAL (
        SELECT j.job_id, j.serial_key, j.connection_id, j.run_at FROM jobs j
        WHERE j.queue = $1 AND j.state = 'waiting' AND j.tenant_id = lane.tenant_id AND j.priority = lane.priority
            AND j.party = lane.party AND j.run_at <= $3
            AND (j.serial_key IS NULL OR (SELECT r.job_id FROM jobs r
                WHERE r.queue = $1 AND r.state = 'running' AND r.serial_key = j.serial_key LIMIT 1) IS NULL)
            AND (j.connection_id IS NULL
                OR j.connection_id <> ALL (ARRAY(SELECT b.connection_id FROM busy b WHERE b.running >= $4)))
        ORDER BY j.run_at, j.job_id LIMIT lane.most FOR UPDATE SKIP LOCKED) job
), ranked AS (
    SELECT due.job_id, due.connection_id,
        row_number() OVER (PARTITION BY coalesce(due.serial_key, due.job_id::text) ORDER BY due.run_at, due.job_id) AS of_key,
        row_number() OVER (PARTITION BY coalesce(due.connection_id, due.job_id) ORDER BY due.run_at, due.job_id)
            + coalesce((SELECT b.running FROM busy b WHERE b.connection_id = due.connection_id), 0) AS of_connection
    FROM due
), chosen AS (
    SELECT job_id FROM ranked WHERE of_key = 1 AND (connection_id IS NULL OR of_connection <= $4)
)
UPDATE jobs SET state = 'running', attempt = attempt + 1, lease_number = lease_number + 1, lease_until = $5, worker = $6
FROM chosen WHERE jobs.job_id = chosen.job_id
RETURNING jobs.job_id, tenant_id, environment_id, lease_number, attempt, payload, run_at, last_error, priority, party";

#[derive(QueryableByName)]
struct WaitingColumns {
    #[diesel(sql_type = Uuid)]
    tenant_id: TenantId,
    #[diesel(sql_type = SmallInt)]
    priority: i16,
    #[diesel(sql_type = Text)]
    party: String,
    #[diesel(sql_type = Timestamptz)]
    run_at: DateTime<Utc>,
    #[diesel(sql_type = Bool)]
    is_due: bool,
    #[diesel(sql_type = SmallInt)]
    weight: i16,
}

#[derive(QueryableByName)]
struct ClaimedColumns {
    #[diesel(sql_type = Uuid)]
    job_id: JobId,
    #[diesel(sql_type = Uuid)]
    tenant_id: TenantId,
    #[diesel(sql_type = Uuid)]
    environment_id: EnvironmentId,
    #[diesel(sql_type = BigInt)]
    lease_number: i64,
    #[diesel(sql_type = Integer)]
    attempt: i32,
    #[diesel(sql_type = Jsonb)]
    payload: Value,
    #[diesel(sql_type = Timestamptz)]
    run_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Text>)]
    last_error: Option<String>,
    #[diesel(sql_type = SmallInt)]
    priority: i16,
    #[diesel(sql_type = Text)]
    party: String,
}

impl WaitingColumns {
    fn lane(&self) -> Lane {
        Lane { tenant: self.tenant_id, priority: self.priority, party: self.party.clone() }
    }
}

impl From<ClaimedColumns> for ClaimedJob {
    fn from(row: ClaimedColumns) -> Self {
        Self {
            lease: JobLease { job: row.job_id, number: row.lease_number },
            scope: Scope { tenant: row.tenant_id, environment: row.environment_id },
            attempt: u32::try_from(row.attempt).unwrap_or_default(),
            payload: row.payload,
            run_at: row.run_at,
            last_error: row.last_error,
            lane: Lane { tenant: row.tenant_id, priority: row.priority, party: row.party },
        }
    }
}

/// Who waits, as far as was looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiters {
    /// Lanes with a job that is due.
    pub due: Vec<Waiting>,
    /// Where to look on: after this lane. `None` when all were looked at.
    pub more_after: Option<Lane>,
}

impl Jobs<'_, System> {
    /// Who has jobs waiting that are due, as far as so many lanes after one tell.
    ///
    /// # Errors
    /// The query failed.
    pub async fn waiting(
        &mut self,
        queue: &str,
        after: Option<&Lane>,
        lanes: usize,
        now: DateTime<Utc>,
    ) -> Result<Waiters, StoreError> {
        let rows: Vec<WaitingColumns> = diesel::sql_query(WAITING)
            .bind::<Text, _>(queue)
            .bind::<Uuid, _>(after.map_or(uuid::Uuid::nil(), |lane| lane.tenant.uuid()))
            .bind::<SmallInt, _>(after.map_or(i16::MIN, |lane| lane.priority))
            .bind::<Text, _>(after.map_or("", |lane| &lane.party))
            .bind::<Integer, _>(i32::try_from(lanes).unwrap_or(i32::MAX))
            .bind::<Timestamptz, _>(now)
            .load(self.tx.connection())
            .await?;
        let is_cut = rows.len() >= lanes;
        let more_after = rows.last().filter(|_| is_cut).map(WaitingColumns::lane);
        let due = rows.into_iter().filter(|row| row.is_due).map(|row| Waiting {
            lane: row.lane(),
            weight: u16::try_from(row.weight).unwrap_or(1),
            since: row.run_at,
        });
        Ok(Waiters { due: due.collect(), more_after })
    }

    /// Takes due jobs and counts the attempt, so that a job that kills its worker is counted too. Fewer than asked for says
    /// nothing, none says that none of these lanes has one that may run now. A conflict means that another worker took a
    /// job of the same key at this moment: begin a new transaction and claim again.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] as said; or the query failed.
    pub async fn claim(&mut self, claim: Claim<'_>) -> Result<Vec<ClaimedJob>, StoreError> {
        let lane = |turn: &Turn| {
            let Lane { tenant, priority, party } = &turn.lane;
            json!({ "tenant_id": tenant.uuid().to_string(), "priority": priority, "party": party, "most": turn.jobs })
        };
        let rows: Vec<ClaimedColumns> = diesel::sql_query(CLAIM)
            .bind::<Text, _>(claim.queue)
            .bind::<Jsonb, _>(Value::Array(claim.turns.iter().map(lane).collect()))
            .bind::<Timestamptz, _>(claim.now)
            .bind::<BigInt, _>(claim.per_connection)
            .bind::<Timestamptz, _>(claim.lease_until)
            .bind::<Text, _>(claim.worker)
            .load(self.tx.connection())
            .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}
