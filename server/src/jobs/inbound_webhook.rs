//! Processes a webhook that a provider sent.

use async_trait::async_trait;
use flows::{
    Services,
    inbound::{self, InboundJob, ProcessError, Processed, QUEUE},
};
use store::{ClaimedJob, StoreError};

use super::job::{Job, Outcome, payload};

pub(super) struct InboundWebhook;

#[async_trait]
impl Job for InboundWebhook {
    fn queue(&self) -> &'static str {
        QUEUE
    }

    /// Troubles of ours alone are tried again, and the schedule makes up for what is given up.
    fn most_tries(&self) -> u32 {
        20
    }

    async fn run(&self, services: &Services, job: &ClaimedJob) -> Outcome {
        let task: InboundJob = match payload(job) {
            Ok(task) => task,
            Err(outcome) => return outcome,
        };
        match inbound::process(services, job.scope, task.inbound).await {
            Ok(Processed::Nothing) => Outcome::Done,
            Ok(Processed::Routed(syncs)) => {
                tracing::info!(inbound.id = %task.inbound, syncs, "a webhook has syncs run");
                Outcome::Done
            }
            Ok(Processed::Ignored(why)) => {
                tracing::info!(inbound.id = %task.inbound, why, "a webhook has nothing run");
                Outcome::Done
            }
            Ok(Processed::Failed(why)) => {
                tracing::warn!(inbound.id = %task.inbound, why, "a webhook cannot be processed");
                Outcome::Done
            }
            Err(ProcessError::Store(error)) => Outcome::of_store(&error),
            Err(error @ (ProcessError::Plugin(_) | ProcessError::Seal(_))) => Outcome::Failed(error.to_string()),
        }
    }

    async fn give_up(&self, services: &Services, job: &ClaimedJob, reason: &str) -> Result<(), StoreError> {
        let Ok(task) = payload::<InboundJob>(job) else { return Ok(()) };
        inbound::give_up(services, job.scope, task.inbound, reason).await
    }
}
