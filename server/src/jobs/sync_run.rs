//! Runs a sync.

use async_trait::async_trait;
use flows::{
    Services,
    sync::{self, QUEUE, Ran, RunSyncError, SyncJob},
};
use store::{ClaimedJob, StoreError};

use super::job::{Job, Outcome, payload};

pub(super) struct SyncRun;

#[async_trait]
impl Job for SyncRun {
    fn queue(&self) -> &'static str {
        QUEUE
    }

    /// The flow gives a run up by itself after fewer; more means that workers died of it.
    fn most_tries(&self) -> u32 {
        10
    }

    async fn run(&self, services: &Services, job: &ClaimedJob) -> Outcome {
        let task: SyncJob = match payload(job) {
            Ok(task) => task,
            Err(outcome) => return outcome,
        };
        match sync::run(services, job.scope, &task, job.lease, job.attempt).await {
            Ok(Ran::Nothing(why)) => {
                tracing::info!(sync.id = %task.sync, why, "nothing to sync");
                Outcome::Done
            }
            Ok(Ran::Succeeded { run, counts, usage }) => {
                let (added, updated, deleted, unchanged) =
                    (counts.added, counts.updated, counts.deleted, counts.unchanged);
                let (fuel, http_calls, memory) = (usage.fuel, usage.http_calls, usage.memory_peak);
                tracing::info!(sync.id = %task.sync, run.id = %run, added, updated, deleted, unchanged, fuel, http_calls, memory, "synced");
                Outcome::Completed
            }
            Ok(Ran::Failed { run, failure }) => {
                let (code, blame) = (failure.code, failure.blame.as_str());
                tracing::warn!(sync.id = %task.sync, run.id = %run, code, blame, error = failure.message, "run failed");
                Outcome::Done
            }
            Ok(Ran::Waits { after, reason, .. }) => Outcome::Wait { after, reason },
            Ok(Ran::Later { after, reason, has_progressed, .. }) => {
                Outcome::Later { after, reason, counts: !has_progressed }
            }
            Err(RunSyncError::Superseded) => Outcome::Done,
            Err(RunSyncError::Store(error)) => Outcome::of_store(&error),
        }
    }

    async fn give_up(&self, services: &Services, job: &ClaimedJob, reason: &str) -> Result<(), StoreError> {
        let Ok(task) = payload::<SyncJob>(job) else { return Ok(()) };
        match sync::give_up(services, job.scope, &task, job.lease, reason).await {
            Ok(()) | Err(RunSyncError::Superseded) => Ok(()),
            Err(RunSyncError::Store(error)) => Err(error),
        }
    }
}
