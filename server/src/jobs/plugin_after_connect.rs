//! Has a plugin set up at its provider what a connection needs there.

use std::time::Duration;

use async_trait::async_trait;
use flows::{
    Services,
    plugin::{AFTER_CONNECT_QUEUE, AfterConnectJob, AfterConnected, after_connect, give_up_after_connect},
};
use store::{ClaimedJob, StoreError};

use super::job::{Job, Outcome, payload};

/// Between looks at a connection that is paused.
const WHILE_PAUSED: Duration = Duration::from_secs(600);

pub(super) struct PluginAfterConnect;

#[async_trait]
impl Job for PluginAfterConnect {
    fn queue(&self) -> &'static str {
        AFTER_CONNECT_QUEUE
    }

    /// With growing waits between them, about a day of a provider that is down.
    fn most_tries(&self) -> u32 {
        100
    }

    async fn run(&self, services: &Services, job: &ClaimedJob) -> Outcome {
        let task: AfterConnectJob = match payload(job) {
            Ok(task) => task,
            Err(outcome) => return outcome,
        };
        match after_connect(services, job.scope, task).await {
            Ok(AfterConnected::Done) => Outcome::Done,
            Ok(AfterConnected::Nothing(why)) => {
                tracing::info!(connection.id = %task.connection, why, "after_connect is not called");
                Outcome::Done
            }
            Ok(AfterConnected::Refused(why)) => {
                tracing::warn!(connection.id = %task.connection, why, "after_connect did not work");
                Outcome::Done
            }
            Ok(AfterConnected::Paused) => {
                Outcome::Wait { after: WHILE_PAUSED, reason: "the connection is paused".to_owned() }
            }
            Ok(AfterConnected::Later { after: Some(after), reason }) => Outcome::Later { after, reason, counts: true },
            Ok(AfterConnected::Later { after: None, reason }) => Outcome::Failed(reason),
            Err(error) => Outcome::of_store(&error),
        }
    }

    async fn give_up(&self, services: &Services, job: &ClaimedJob, reason: &str) -> Result<(), StoreError> {
        let Ok(task) = payload::<AfterConnectJob>(job) else { return Ok(()) };
        give_up_after_connect(services, job.scope, task, reason).await
    }
}
