//! Seals an environment's values anew after a rotation of keys.

use std::time::Duration;

use async_trait::async_trait;
use flows::{
    Actor, Services,
    keys::{REWRAP_QUEUE, RewrapError, RewrapJob, Worked, give_up_rewrap, work_rewrap},
};
use store::{ClaimedJob, StoreError};
use vault::KeyError;

use super::job::{Job, Outcome, payload};

pub(super) struct KeysRewrap;

#[async_trait]
impl Job for KeysRewrap {
    fn queue(&self) -> &'static str {
        REWRAP_QUEUE
    }

    /// With growing waits between them, about a day.
    fn most_tries(&self) -> u32 {
        100
    }

    async fn run(&self, services: &Services, job: &ClaimedJob) -> Outcome {
        if let Err(outcome) = payload::<RewrapJob>(job) {
            return outcome;
        }
        match work_rewrap(services.ctx(job.scope, Actor::System)).await {
            Ok(Worked::Ended) => Outcome::Done,
            Ok(Worked::Later(after)) => {
                Outcome::Later { after, reason: "servers still sealed with an older data key".into(), counts: false }
            }
            Err(RewrapError::Keys(error @ KeyError::NotFound)) => Outcome::Impossible(error.to_string()),
            // A key service that is away for long is no reason to give up.
            Err(RewrapError::Keys(error)) => match error.retry_after() {
                Some(wait) => {
                    let after = wait.max(Duration::from_secs(5));
                    Outcome::Later { after, reason: error.to_string(), counts: false }
                }
                None => Outcome::Failed(error.to_string()),
            },
            Err(RewrapError::Store(error)) => Outcome::of_store(&error),
        }
    }

    /// The run waits for a person who begins it again.
    async fn give_up(&self, services: &Services, job: &ClaimedJob, reason: &str) -> Result<(), StoreError> {
        give_up_rewrap(services.ctx(job.scope, Actor::System), reason).await
    }
}
