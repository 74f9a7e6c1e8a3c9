//! One job under its lease.

use std::{panic::AssertUnwindSafe, time::Duration};

use domain::{entropy, retry};
use futures_util::FutureExt as _;
use store::{ClaimedJob, StoreError};
use tokio::time::Instant;

use super::{
    job::{Job, Outcome},
    lane::LEASE,
    worker::Shared,
};

/// Between heartbeats; three fit into a lease.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How a job ended, as seen from here.
enum End {
    Ran(Outcome),
    /// Another worker has it now.
    LeaseLost,
    /// The process stops.
    Aborted,
}

/// Runs a claimed job to its end, says what came of it, and writes its line into the log.
pub(super) async fn run(shared: &Shared, job: &dyn Job, claimed: ClaimedJob) {
    let started = Instant::now();
    let waited = shared.services.now() - claimed.run_at;
    let running = metrics::gauge!("patchbay_jobs_running", "queue" => job.queue());
    running.increment(1.0);
    let end = if claimed.attempt > job.most_tries() {
        // Its last try ended in the death of its worker.
        let reason = claimed.last_error.clone().unwrap_or_default();
        End::Ran(Outcome::Impossible(format!("given up after {} tries: {reason}", job.most_tries())))
    } else {
        tokio::select! {
            outcome = AssertUnwindSafe(job.run(&shared.services, &claimed)).catch_unwind() => {
                End::Ran(outcome.unwrap_or_else(|_| Outcome::Failed("it panicked".to_owned())))
            }
            () = keep_lease(shared, &claimed) => End::LeaseLost,
            () = shared.abort.cancelled() => End::Aborted,
        }
    };
    let elapsed = started.elapsed();
    let (outcome, error) = settle(shared, job, &claimed, end).await;
    running.decrement(1.0);
    metrics::counter!("patchbay_jobs_total", "queue" => job.queue(), "outcome" => outcome).increment(1);
    metrics::histogram!("patchbay_job_seconds", "queue" => job.queue()).record(elapsed.as_secs_f64());
    tracing::info!(
        job.id = %claimed.lease.job,
        job.queue = job.queue(),
        tenant.id = %claimed.scope.tenant,
        environment.id = %claimed.scope.environment,
        attempt = claimed.attempt,
        waited_ms = waited.num_milliseconds(),
        elapsed_ms = elapsed.as_secs_f64() * 1_000.0,
        outcome,
        error,
        "job"
    );
}

/// Keeps the lease; returns when it is lost.
async fn keep_lease(shared: &Shared, claimed: &ClaimedJob) {
    let services = &shared.services;
    let mut wait = HEARTBEAT;
    loop {
        tokio::time::sleep(wait).await;
        let kept = async {
            let mut tx = services.store.begin_system().await?;
            tx.jobs().heartbeat(claimed.lease, services.now() + LEASE).await?;
            tx.commit().await
        };
        wait = match kept.await {
            Ok(()) => HEARTBEAT,
            Err(StoreError::Superseded(_)) => return,
            Err(error) => {
                tracing::warn!(job.id = %claimed.lease.job, %error, "no heartbeat; trying again");
                Duration::from_secs(2)
            }
        };
    }
}

/// What becomes of the job in the table.
enum Fate {
    Complete,
    Later { after: Duration, attempts: u32, error: Option<String> },
    Bury(String),
}

/// Says in the table what came of the job. Gives the outcome's name and the error for the log.
async fn settle(shared: &Shared, job: &dyn Job, claimed: &ClaimedJob, end: End) -> (&'static str, Option<String>) {
    let (name, fate) = match end {
        End::LeaseLost => return ("superseded", None),
        End::Aborted => {
            let attempts = claimed.attempt.saturating_sub(1);
            ("put_back", Fate::Later { after: Duration::ZERO, attempts, error: None })
        }
        End::Ran(Outcome::Completed) => return ("done", None),
        End::Ran(Outcome::Done) => ("done", Fate::Complete),
        End::Ran(Outcome::Later { after, reason, counts }) => {
            let attempts = if counts { claimed.attempt } else { 0 };
            ("later", Fate::Later { after, attempts, error: Some(reason) })
        }
        End::Ran(Outcome::Wait { after, reason }) => {
            let attempts = claimed.attempt.saturating_sub(1);
            ("waits", Fate::Later { after, attempts, error: Some(reason) })
        }
        End::Ran(Outcome::Failed(error)) if claimed.attempt < job.most_tries() => {
            let roll = u32::from_be_bytes(entropy::bytes(shared.services.entropy.as_ref()));
            let after = retry::backoff(claimed.attempt, None, roll);
            ("failed", Fate::Later { after, attempts: claimed.attempt, error: Some(error) })
        }
        End::Ran(Outcome::Failed(error) | Outcome::Impossible(error)) => ("given_up", Fate::Bury(error)),
    };
    let error = match &fate {
        Fate::Complete => None,
        Fate::Later { error, .. } => error.clone(),
        Fate::Bury(error) => Some(error.clone()),
    };
    // The database may be away for a moment. When the lease has ended, others take the job over anyway.
    let deadline = Instant::now() + Duration::from_secs(25);
    let mut wait = Duration::from_millis(100);
    loop {
        match write(shared, job, claimed, &fate).await {
            Ok(()) => return (name, error),
            Err(StoreError::Superseded(_)) => return ("superseded", error),
            Err(failed) if Instant::now() + wait > deadline => {
                tracing::error!(job.id = %claimed.lease.job, error = %failed, "what came of a job could not be written");
                return ("unwritten", error);
            }
            Err(_) => tokio::time::sleep(wait).await,
        }
        wait = (wait * 2).min(Duration::from_secs(3));
    }
}

async fn write(shared: &Shared, job: &dyn Job, claimed: &ClaimedJob, fate: &Fate) -> Result<(), StoreError> {
    let services = &shared.services;
    if let Fate::Bury(reason) = fate {
        job.give_up(services, claimed, reason).await?;
    }
    let mut tx = services.store.begin_system().await?;
    match fate {
        Fate::Complete => tx.jobs().complete(claimed.lease).await?,
        Fate::Later { after, attempts, error } => {
            let run_at = services.now() + chrono::TimeDelta::from_std(*after).unwrap_or(chrono::TimeDelta::days(1));
            tx.jobs().reschedule(claimed.lease, run_at, *attempts, error.as_deref()).await?;
        }
        Fate::Bury(reason) => tx.jobs().bury(claimed.lease, reason).await?,
    }
    tx.commit().await
}
