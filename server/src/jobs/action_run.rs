//! Performs a call of an action that was accepted, and looks after one whose server died.

use async_trait::async_trait;
use flows::{
    Services,
    action::{self, ActionJob, QUEUE, Worked},
};
use store::{ClaimedJob, StoreError};

use super::job::{Job, Outcome, payload};

pub(super) struct ActionRun;

#[async_trait]
impl Job for ActionRun {
    fn queue(&self) -> &'static str {
        QUEUE
    }

    /// The flow gives a call up by itself after fewer; more means that the database was away, or that workers died of it.
    fn most_tries(&self) -> u32 {
        20
    }

    async fn run(&self, services: &Services, job: &ClaimedJob) -> Outcome {
        let task: ActionJob = match payload(job) {
            Ok(task) => task,
            Err(outcome) => return outcome,
        };
        match action::work(services, job.scope, &task, job.attempt).await {
            Ok(Worked::Nothing(why)) => {
                tracing::info!(action.run = %task.run, why, "nothing to do");
                Outcome::Done
            }
            Ok(Worked::Ended { run, state, error }) => {
                if let Some(error) = error {
                    let (state, code, blame) = (state.as_str(), error.code, error.blame.as_str());
                    tracing::warn!(action.run = %run, state, code, blame, error = error.message, "action did not succeed");
                }
                Outcome::Done
            }
            Ok(Worked::Waits { after, reason }) => Outcome::Wait { after, reason },
            Ok(Worked::Later { after, reason }) => Outcome::Later { after, reason, counts: true },
            Err(error) => Outcome::of_store(&error),
        }
    }

    async fn give_up(&self, services: &Services, job: &ClaimedJob, reason: &str) -> Result<(), StoreError> {
        let Ok(task) = payload::<ActionJob>(job) else { return Ok(()) };
        match action::give_up(services, job.scope, &task, reason).await {
            Err(StoreError::Superseded(_)) => Ok(()),
            other => other,
        }
    }
}
