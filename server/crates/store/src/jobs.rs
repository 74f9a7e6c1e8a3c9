//! The job table. A job waits until a worker claims it under a lease; what the worker says of it afterwards carries the
//! lease's number, so that a worker that was taken for dead and is not can do no harm. Two jobs of a queue with the same
//! serial key never run at once: a unique index among the running says so, whatever happens here.
//!
//! * `add` puts jobs in, and writes down whom they call.
//! * `claim` shows who waits and takes jobs of those whose turn it is; whose it is, is `domain::turns`' to say.

mod add;
mod claim;

use std::fmt::Display;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Integer, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;
use domain::Scope;
use ids::{ConnectionId, EndpointId, JobId, SyncId};

use crate::{StoreError, System, Tx, schema::jobs};

pub(crate) use add::insert_many;
pub use claim::{Claim, ClaimedJob, Waiters};

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
    /// Whom it calls.
    pub calls: Calls,
}

/// Whom a job calls: places of workers are capped by it, so that one that hangs does not hold all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Calls {
    /// Nobody outside, or nobody in particular.
    #[default]
    Nobody,
    /// The provider of this connection.
    Connection(ConnectionId),
    /// The provider of the connection that this sync pulls from.
    Sync(SyncId),
    /// A tenant's endpoint.
    Endpoint(EndpointId),
}

impl NewJob {
    /// A job about one thing: of those in the queue about the same thing one waits, and one runs at a time. As urgent as
    /// usual, and calling nobody.
    #[must_use]
    pub fn about(
        thing: impl Display,
        id: JobId,
        queue: &'static str,
        payload: serde_json::Value,
        run_at: DateTime<Utc>,
    ) -> Self {
        let key = thing.to_string();
        Self {
            id,
            queue,
            serial_key: Some(key.clone()),
            dedupe_key: Some(key),
            priority: 1,
            payload,
            run_at,
            calls: Calls::Nobody,
        }
    }
}

/// The right to speak for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobLease {
    /// The job.
    pub job: JobId,
    /// The fencing number.
    pub number: i64,
}

const SUPERSEDED: StoreError = StoreError::Superseded("another worker has this job now");

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

impl<S> Jobs<'_, S> {
    /// The job is done and leaves the table.
    ///
    /// # Errors
    /// [`StoreError::Superseded`].
    pub async fn complete(&mut self, lease: JobLease) -> Result<(), StoreError> {
        at_least_one(diesel::delete(held(lease)).execute(self.tx.connection()).await?)
    }
}

impl Jobs<'_, Scope> {
    /// Adds a job; workers are woken after the commit. Gives false if one with its dedupe key waits already.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn enqueue(&mut self, job: NewJob, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let scope = self.tx.scope();
        add::insert(self.tx, scope, job, now).await
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

    /// Takes all waiting jobs with this serial key back, those too that gave their dedupe key up to another. It looks through
    /// what waits of the tenant in the queue.
    ///
    /// # Errors
    /// The query failed.
    pub async fn take_all_back(&mut self, queue: &str, serial_key: &str) -> Result<(), StoreError> {
        let scope = self.tx.scope();
        diesel::delete(
            jobs::table
                .filter(jobs::tenant_id.eq(scope.tenant).and(jobs::environment_id.eq(scope.environment)))
                .filter(jobs::queue.eq(queue).and(jobs::serial_key.eq(serial_key)).and(jobs::state.eq("waiting"))),
        )
        .execute(self.tx.connection())
        .await?;
        Ok(())
    }
}

impl Jobs<'_, System> {
    /// Adds a job in an environment, as [`Jobs::enqueue`] does.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn enqueue_in(&mut self, scope: Scope, job: NewJob, now: DateTime<Utc>) -> Result<bool, StoreError> {
        add::insert(self.tx, scope, job, now).await
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

    /// Takes the jobs of workers that have not been heard of back into the queue. Gives how many. Each keeps its dedupe key,
    /// by which it is found, unless another with it waits by now; of several with the same it is the first that keeps it.
    ///
    /// # Errors
    /// The update failed; [`StoreError::Conflict`] if a job with the key of one of them was added at this moment: none is
    /// reaped, and the next time all are.
    pub async fn reap(&mut self, now: DateTime<Utc>) -> Result<usize, StoreError> {
        // Two questions instead of one with OR: each has its index.
        const SQL: &str = "
UPDATE jobs SET state = 'waiting', lease_until = NULL, worker = NULL, run_at = $1, last_error = 'the worker was not heard of any more',
    dedupe_key = CASE
        WHEN EXISTS (SELECT FROM jobs other WHERE other.queue = jobs.queue AND other.dedupe_key = jobs.dedupe_key
            AND other.state = 'waiting') THEN NULL
        WHEN EXISTS (SELECT FROM jobs other WHERE other.queue = jobs.queue AND other.dedupe_key = jobs.dedupe_key
            AND other.state = 'running' AND other.lease_until < $1 AND other.job_id < jobs.job_id) THEN NULL
        ELSE dedupe_key END
WHERE state = 'running' AND lease_until < $1";
        let reaped = diesel::sql_query(SQL).bind::<Timestamptz, _>(now).execute(self.tx.connection()).await?;
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
