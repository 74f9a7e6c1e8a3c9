//! Asks after a device code (RFC 8628) until the end user has answered.

use async_trait::async_trait;
use flows::{
    Actor, Services,
    connect::{Asked, DEVICE_QUEUE, DevicePollJob, ask_after_code},
    credentials::SealError,
};
use store::ClaimedJob;

use super::job::{Job, Outcome, payload};

pub(super) struct ConnectDevicePoll;

#[async_trait]
impl Job for ConnectDevicePoll {
    fn queue(&self) -> &'static str {
        DEVICE_QUEUE
    }

    /// Failures of ours; waiting for the end user does not count, and ends with the code.
    fn most_tries(&self) -> u32 {
        20
    }

    async fn run(&self, services: &Services, job: &ClaimedJob) -> Outcome {
        let task: DevicePollJob = match payload(job) {
            Ok(task) => task,
            Err(outcome) => return outcome,
        };
        match ask_after_code(services.ctx(job.scope, Actor::System), task.attempt).await {
            Ok(Asked::Over) => Outcome::Done,
            Ok(Asked::Wait(after)) => {
                Outcome::Later { after, reason: "the end user has not answered yet".into(), counts: false }
            }
            Err(SealError::Store(error)) => Outcome::of_store(&error),
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }
}
