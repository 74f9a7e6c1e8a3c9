//! Tells an endpoint of an event.

use async_trait::async_trait;
use flows::{
    Services,
    webhook::{self, DeliverError, DeliverJob, Delivered, QUEUE},
};
use store::ClaimedJob;

use super::job::{Job, Outcome, payload};

pub(super) struct WebhookDeliver;

#[async_trait]
impl Job for WebhookDeliver {
    fn queue(&self) -> &'static str {
        QUEUE
    }

    /// Tries of an endpoint do not count here: the delivery has its own schedule. These are troubles of ours, such as a
    /// sealed key service, and with a quarter of an hour between them they may last three days as well.
    fn most_tries(&self) -> u32 {
        300
    }

    async fn run(&self, services: &Services, job: &ClaimedJob) -> Outcome {
        let task: DeliverJob = match payload(job) {
            Ok(task) => task,
            Err(outcome) => return outcome,
        };
        match webhook::deliver(services, job.scope, task.delivery).await {
            Ok(Delivered::Yes | Delivered::Parked | Delivered::Nothing) => Outcome::Done,
            Ok(Delivered::Again { after, was_tried }) => {
                let reason = if was_tried { "the endpoint did not take it" } else { "an older delivery comes first" };
                Outcome::Later { after, reason: reason.to_owned(), counts: false }
            }
            Err(DeliverError::Store(error)) => Outcome::of_store(&error),
            Err(error @ DeliverError::Secret(_)) => Outcome::Failed(error.to_string()),
            Err(error @ DeliverError::Broken(_)) => Outcome::Impossible(error.to_string()),
        }
    }
}
