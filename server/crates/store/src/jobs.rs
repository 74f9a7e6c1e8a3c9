//! The job table. A job waits until a worker claims it under a lease; what the worker says of it afterwards carries the
//! lease's number, so that a worker that was taken for dead and is not can do no harm. Two jobs of a queue with the same
//! serial key never run at once: a unique index among the running says so, whatever happens here.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Integer, Jsonb, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;
use domain::Scope;
use ids::{EnvironmentId, JobId, TenantId};

use crate::{StoreError, System, Tx, schema::jobs};

/// A job to add.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What kind of job.
    pub queue: &'static str,
    /// Two jobs of the queue with the same key never run at once. Prefix it with the kind of thing it names.
    pub serial_key: Option<String>,
    /// While one of the queue with this key waits, another is not added.
    pub dedupe_key: Option<String>,
    /// 0: somebody waits for it, 1: as usual, 2: whenever there is time. Within a tenant.
    pub priority: i16,
    /// What to do: ids, never secrets.
    pub payload: serde_json::Value,
    /// Not before this.
    pub run_at: DateTime<Utc>,
}

impl NewJob {
    /// A job about one thing: of those in the queue about the same thing one waits, and one runs at a time. As urgent as
    /// usual.
    #[must_use]
    pub fn about(
        thing: impl Display,
        id: JobId,
        queue: &'static str,
        payload: serde_json::Value,
        run_at: DateTime<Utc>,
    ) -> Self {
        let key = thing.to_string();
        Self { id, queue, serial_key: Some(key.clone()), dedupe_key: Some(key), priority: 1, payload, run_at }
    }
}

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
    pub payload: serde_json::Value,
    /// Since when it was due.
    pub run_at: DateTime<Utc>,
    /// Why the try before this failed.
    pub last_error: Option<String>,
}

/// The right to speak for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobLease {
    /// The job.
    pub job: JobId,
    /// The fencing number.
    pub number: i64,
}

/// What to claim.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Of which queue.
    pub queue: &'a str,
    /// Only tenants after this one: begin somewhere else each time, so that nobody is always last.
    pub after: uuid::Uuid,
    /// At most so many of a tenant and priority.
    pub per_tenant: i64,
    /// At most so many.
    pub limit: i64,
    /// Who claims.
    pub worker: &'a str,
    /// The time now.
    pub now: DateTime<Utc>,
    /// Until when the lease holds without a heartbeat.
    pub lease_until: DateTime<Utc>,
}

const SUPERSEDED: StoreError = StoreError::Superseded("another worker has this job now");

/// Walks the tenants (and their priorities) that have waiting jobs one index probe at a time, and takes the first few
/// due of each that do not have their key running. The scalar subquery is on purpose: as an anti-join the planner reads
/// all running rows. Of two with the same key only the first is taken.
const CLAIM: &str = "
WITH RECURSIVE lanes AS (
    (SELECT tenant_id, priority FROM jobs
     WHERE queue = $1 AND state = 'waiting' AND tenant_id > $2 ORDER BY tenant_id, priority LIMIT 1)
    UNION ALL
    SELECT next.tenant_id, next.priority FROM lanes CROSS JOIN LATERAL (
        SELECT j.tenant_id, j.priority FROM jobs j
        WHERE j.queue = $1 AND j.state = 'waiting' AND (j.tenant_id, j.priority) > (lanes.tenant_id, lanes.priority)
        ORDER BY j.tenant_id, j.priority LIMIT 1) next
), due AS (
    SELECT job.* FROM lanes CROSS JOIN LATERAL (
        SELECT j.job_id, j.serial_key, j.run_at FROM jobs j
        WHERE j.queue = $1 AND j.state = 'waiting' AND j.tenant_id = lanes.tenant_id AND j.priority = lanes.priority
            AND j.run_at <= $3
            AND (j.serial_key IS NULL OR (SELECT r.job_id FROM jobs r
                WHERE r.queue = $1 AND r.state = 'running' AND r.serial_key = j.serial_key LIMIT 1) IS NULL)
        ORDER BY j.run_at, j.job_id LIMIT $4 FOR UPDATE SKIP LOCKED) job
    LIMIT $5
), chosen AS (
    SELECT DISTINCT ON (coalesce(serial_key, job_id::text)) job_id FROM due
    ORDER BY coalesce(serial_key, job_id::text), run_at, job_id
)
UPDATE jobs SET state = 'running', attempt = attempt + 1, lease_number = lease_number + 1, lease_until = $6, worker = $7
FROM chosen WHERE jobs.job_id = chosen.job_id
RETURNING jobs.job_id, tenant_id, environment_id, lease_number, attempt, payload, run_at, last_error";

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
    payload: serde_json::Value,
    #[diesel(sql_type = Timestamptz)]
    run_at: DateTime<Utc>,
    #[diesel(sql_type = diesel::sql_types::Nullable<Text>)]
    last_error: Option<String>,
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
        }
    }
}

/// Jobs, of one environment or of all.
pub struct Jobs<'t, S> {
    tx: &'t mut Tx<S>,
}

impl<S> Tx<S> {
    /// The jobs.
    pub fn jobs(&mut self) -> Jobs<'_, S> {
        Jobs { tx: self }
    }
}

impl Jobs<'_, Scope> {
    /// Adds a job; workers are woken after the commit. Gives false if one with its dedupe key waits already.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn enqueue(&mut self, job: NewJob, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let scope = self.tx.scope();
        insert(self.tx, scope, job, now).await
    }

    /// Lets a waiting job with this dedupe key run now. Gives whether there was one.
    ///
    /// # Errors
    /// The update failed.
    pub async fn hasten(&mut self, queue: &str, dedupe_key: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let scope = self.tx.scope();
        let hastened = diesel::update(
            jobs::table
                .filter(jobs::tenant_id.eq(scope.tenant).and(jobs::environment_id.eq(scope.environment)))
                .filter(jobs::queue.eq(queue).and(jobs::dedupe_key.eq(dedupe_key)).and(jobs::state.eq("waiting"))),
        )
        .set((jobs::run_at.eq(now), jobs::priority.eq(0_i16), jobs::attempt.eq(0)))
        .execute(self.tx.connection())
        .await?;
        self.tx.wake_workers();
        Ok(hastened > 0)
    }

    /// Takes a waiting job with this dedupe key back.
    ///
    /// # Errors
    /// The query failed.
    pub async fn take_back(&mut self, queue: &str, dedupe_key: &str) -> Result<(), StoreError> {
        let scope = self.tx.scope();
        diesel::delete(
            jobs::table
                .filter(jobs::tenant_id.eq(scope.tenant).and(jobs::environment_id.eq(scope.environment)))
                .filter(jobs::queue.eq(queue).and(jobs::dedupe_key.eq(dedupe_key)).and(jobs::state.eq("waiting"))),
        )
        .execute(self.tx.connection())
        .await?;
        Ok(())
    }
}

async fn insert<S>(tx: &mut Tx<S>, scope: Scope, job: NewJob, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let added = diesel::insert_into(jobs::table)
        .values((
            jobs::job_id.eq(job.id),
            jobs::tenant_id.eq(scope.tenant),
            jobs::environment_id.eq(scope.environment),
            jobs::queue.eq(job.queue),
            jobs::serial_key.eq(job.serial_key),
            jobs::dedupe_key.eq(job.dedupe_key),
            jobs::priority.eq(job.priority),
            jobs::payload.eq(job.payload),
            jobs::state.eq("waiting"),
            jobs::run_at.eq(job.run_at),
            jobs::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(tx.connection())
        .await?;
    tx.wake_workers();
    Ok(added > 0)
}

impl Jobs<'_, System> {
    /// Adds a job in an environment, as [`Jobs::enqueue`] does.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn enqueue_in(&mut self, scope: Scope, job: NewJob, now: DateTime<Utc>) -> Result<bool, StoreError> {
        insert(self.tx, scope, job, now).await
    }

    /// Takes due jobs and counts the attempt, so that a job that kills its worker is counted too. A conflict means that
    /// another worker took a job of the same key at this moment: begin a new transaction and claim again.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] as said; or the query failed.
    pub async fn claim(&mut self, claim: Claim<'_>) -> Result<Vec<ClaimedJob>, StoreError> {
        let rows: Vec<ClaimedColumns> = diesel::sql_query(CLAIM)
            .bind::<Text, _>(claim.queue)
            .bind::<Uuid, _>(claim.after)
            .bind::<Timestamptz, _>(claim.now)
            .bind::<BigInt, _>(claim.per_tenant)
            .bind::<BigInt, _>(claim.limit)
            .bind::<Timestamptz, _>(claim.lease_until)
            .bind::<Text, _>(claim.worker)
            .load(self.tx.connection())
            .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Whether a job of the queue with this serial key runs.
    ///
    /// # Errors
    /// The query failed.
    pub async fn is_running(&mut self, queue: &str, serial_key: &str) -> Result<bool, StoreError> {
        let running = jobs::table
            .filter(jobs::queue.eq(queue).and(jobs::serial_key.eq(serial_key)).and(jobs::state.eq("running")));
        Ok(diesel::select(diesel::dsl::exists(running)).get_result(self.tx.connection()).await?)
    }

    /// When the next job of a queue is due, if one waits.
    ///
    /// # Errors
    /// The query failed.
    pub async fn next_due(&mut self, queue: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        let next = jobs::table
            .filter(jobs::queue.eq(queue).and(jobs::state.eq("waiting")))
            .order(jobs::run_at)
            .select(jobs::run_at)
            .first(self.tx.connection())
            .await;
        Ok(next.optional()?)
    }

    /// Keeps the lease.
    ///
    /// # Errors
    /// [`StoreError::Superseded`]: stop at once, another worker may run the job.
    pub async fn heartbeat(&mut self, lease: JobLease, lease_until: DateTime<Utc>) -> Result<(), StoreError> {
        let kept = diesel::update(held(lease)).set(jobs::lease_until.eq(lease_until));
        at_least_one(kept.execute(self.tx.connection()).await?)
    }

    /// The job is done and leaves the table.
    ///
    /// # Errors
    /// [`StoreError::Superseded`].
    pub async fn complete(&mut self, lease: JobLease) -> Result<(), StoreError> {
        at_least_one(diesel::delete(held(lease)).execute(self.tx.connection()).await?)
    }

    /// The job will be tried again. `attempts` is the count to go on from. If another with its dedupe key waits by now,
    /// it gives its own key up.
    ///
    /// # Errors
    /// [`StoreError::Superseded`].
    pub async fn reschedule(
        &mut self,
        lease: JobLease,
        run_at: DateTime<Utc>,
        attempts: u32,
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
UPDATE jobs SET state = 'waiting', lease_until = NULL, worker = NULL, run_at = $3, attempt = $4, last_error = coalesce($5, last_error),
    dedupe_key = CASE WHEN EXISTS (SELECT FROM jobs other WHERE other.queue = jobs.queue AND other.dedupe_key = jobs.dedupe_key
        AND other.state = 'waiting') THEN NULL ELSE dedupe_key END
WHERE job_id = $1 AND lease_number = $2 AND state = 'running'";
        let changed = diesel::sql_query(SQL)
            .bind::<Uuid, _>(lease.job)
            .bind::<BigInt, _>(lease.number)
            .bind::<Timestamptz, _>(run_at)
            .bind::<Integer, _>(i32::try_from(attempts).unwrap_or(i32::MAX))
            .bind::<diesel::sql_types::Nullable<Text>, _>(error)
            .execute(self.tx.connection())
            .await?;
        self.tx.wake_workers();
        at_least_one(changed)
    }

    /// The job is given up; it stays in the table for a person to look at.
    ///
    /// # Errors
    /// [`StoreError::Superseded`].
    pub async fn bury(&mut self, lease: JobLease, error: &str) -> Result<(), StoreError> {
        let buried = diesel::update(held(lease)).set((
            jobs::state.eq("dead"),
            jobs::lease_until.eq(None::<DateTime<Utc>>),
            jobs::worker.eq(None::<String>),
            jobs::last_error.eq(error),
        ));
        at_least_one(buried.execute(self.tx.connection()).await?)
    }

    /// Takes the jobs of workers that have not been heard of back into the queue. Gives how many. A reaped job loses its
    /// dedupe key: another may be waiting under it.
    ///
    /// # Errors
    /// The update failed.
    pub async fn reap(&mut self, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let lost = jobs::table.filter(jobs::state.eq("running").and(jobs::lease_until.lt(now)));
        let reaped = diesel::update(lost)
            .set((
                jobs::state.eq("waiting"),
                jobs::lease_until.eq(None::<DateTime<Utc>>),
                jobs::worker.eq(None::<String>),
                jobs::dedupe_key.eq(None::<String>),
                jobs::run_at.eq(now),
                jobs::last_error.eq("the worker was not heard of any more"),
            ))
            .execute(self.tx.connection())
            .await?;
        if reaped > 0 {
            self.tx.wake_workers();
        }
        Ok(reaped)
    }

    /// How many jobs there are by queue and state, for metrics.
    ///
    /// # Errors
    /// The query failed.
    pub async fn counts(&mut self) -> Result<Vec<(String, String, i64)>, StoreError> {
        let query = jobs::table.group_by((jobs::queue, jobs::state)).select((
            jobs::queue,
            jobs::state,
            diesel::dsl::count_star(),
        ));
        Ok(query.load(self.tx.connection()).await?)
    }
}

#[diesel::dsl::auto_type(no_type_alias)]
fn held(lease: JobLease) -> _ {
    let (job, number): (JobId, i64) = (lease.job, lease.number);
    jobs::table.filter(jobs::job_id.eq(job)).filter(jobs::lease_number.eq(number)).filter(jobs::state.eq("running"))
}

fn at_least_one(rows: usize) -> Result<(), StoreError> {
    if rows == 0 { Err(SUPERSEDED) } else { Ok(()) }
}
