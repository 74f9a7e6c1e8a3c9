//! What a kind of job is.

use std::time::Duration;

use async_trait::async_trait;
use flows::Services;
use serde::de::DeserializeOwned;
use store::{ClaimedJob, StoreError};

/// A kind of job: one queue, one flow.
#[async_trait]
pub(super) trait Job: Send + Sync + 'static {
    /// The queue.
    fn queue(&self) -> &'static str;

    /// After so many tries in a row the job is given up. Tries are counted when they begin, so one that kills its worker
    /// counts.
    fn most_tries(&self) -> u32;

    /// Runs it. The future may be dropped at any point: when the lease is lost, and at the end of a shutdown.
    async fn run(&self, services: &Services, job: &ClaimedJob) -> Outcome;

    /// Says so where it is to be read, when the job is given up.
    async fn give_up(&self, services: &Services, job: &ClaimedJob, reason: &str) -> Result<(), StoreError> {
        let _ = (services, job, reason);
        Ok(())
    }
}

/// What came of a run.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is done.
    Done,
    /// It is done, and left the table in the transaction in which it did the last of it.
    Completed,
    /// All went well, and there is more to do later. `counts` says whether this was one of the tries in a row.
    Later {
        /// After this time.
        after: Duration,
        /// Why.
        reason: String,
        /// Whether it counts.
        counts: bool,
    },
    /// It could not be tried just now, for no fault of its own. It waits as if it had not begun: this try does not count,
    /// and the ones before do.
    Wait {
        /// After this time.
        after: Duration,
        /// Why.
        reason: String,
    },
    /// It did not work; it is tried again with growing waits until it is given up.
    Failed(String),
    /// It can never work.
    Impossible(String),
}

impl Outcome {
    /// What a failed query means for a job.
    pub(super) fn of_store(error: &StoreError) -> Self {
        match error {
            // The job is somebody else's now; there is nothing left to do here.
            StoreError::Superseded(_) => Self::Done,
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Reads what the job is to do.
pub(super) fn payload<T: DeserializeOwned>(job: &ClaimedJob) -> Result<T, Outcome> {
    serde_json::from_value(job.payload.clone())
        .map_err(|error| Outcome::Impossible(format!("its payload cannot be read: {error}")))
}
