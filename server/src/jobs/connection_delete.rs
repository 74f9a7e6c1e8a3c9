//! Finishes the deletion of a connection whose provider could not be reached at first.

use async_trait::async_trait;
use flows::{
    Actor, Services,
    connection::{DELETE_QUEUE, DeleteError, DeleteJob, Deleted, finish_delete},
};
use store::{ClaimedJob, StoreError};

use super::job::{Job, Outcome, payload};

pub(super) struct ConnectionDelete;

#[async_trait]
impl Job for ConnectionDelete {
    fn queue(&self) -> &'static str {
        DELETE_QUEUE
    }

    /// With growing waits between them, about a day of a provider that is down.
    fn most_tries(&self) -> u32 {
        100
    }

    async fn run(&self, services: &Services, job: &ClaimedJob) -> Outcome {
        let task: DeleteJob = match payload(job) {
            Ok(task) => task,
            Err(outcome) => return outcome,
        };
        let ctx = services.ctx(job.scope, Actor::System);
        match finish_delete(ctx, task.connection, false).await {
            Ok(Deleted::Gone) | Err(DeleteError::NotFound) => Outcome::Done,
            Ok(Deleted::Pending { retry_after: Some(after), reason }) => Outcome::Later { after, reason, counts: true },
            Ok(Deleted::Pending { retry_after: None, reason }) => Outcome::Failed(reason),
            Err(DeleteError::Store(error)) => Outcome::of_store(&error),
        }
    }

    /// The tenant wants it gone: it goes, and the event and the audit row say that the grant may still stand.
    async fn give_up(&self, services: &Services, job: &ClaimedJob, _: &str) -> Result<(), StoreError> {
        let Ok(task) = payload::<DeleteJob>(job) else { return Ok(()) };
        match finish_delete(services.ctx(job.scope, Actor::System), task.connection, true).await {
            Ok(_) | Err(DeleteError::NotFound) => Ok(()),
            Err(DeleteError::Store(error)) => Err(error),
        }
    }
}
