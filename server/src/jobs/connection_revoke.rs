//! Asks providers to let go of the grants of connections that were stopped for good: of one, or of a run over many.

use async_trait::async_trait;
use flows::{
    Actor, Services,
    connection::{REVOKE_QUEUE, RevokeJob, Revoked, Worked, revoke_one, revoke_run},
};
use store::ClaimedJob;

use super::job::{Job, Outcome, payload};

pub(super) struct ConnectionRevoke;

#[async_trait]
impl Job for ConnectionRevoke {
    fn queue(&self) -> &'static str {
        REVOKE_QUEUE
    }

    /// Failures of ours. Tries at a provider are counted with each revocation, which knows when to give up.
    fn most_tries(&self) -> u32 {
        300
    }

    async fn run(&self, services: &Services, job: &ClaimedJob) -> Outcome {
        let task: RevokeJob = match payload(job) {
            Ok(task) => task,
            Err(outcome) => return outcome,
        };
        let ctx = services.ctx(job.scope, Actor::System);
        let again = match task {
            RevokeJob::Connection(id) => revoke_one(ctx, id).await.map(|revoked| match revoked {
                Revoked::Settled(_) => None,
                Revoked::Later(after) => Some(after),
            }),
            RevokeJob::Run(id) => revoke_run(ctx, id).await.map(|worked| match worked {
                Worked::Finished => None,
                Worked::Later(after) => Some(after),
            }),
        };
        match again {
            Ok(None) => Outcome::Done,
            Ok(Some(after)) => {
                Outcome::Later { after, reason: "a provider has not let go yet".to_owned(), counts: false }
            }
            Err(error) => Outcome::of_store(&error),
        }
    }
}
