//! Actions: one call into a plugin that does something at the provider.
//!
//! What a call promises stands in `domain::action`. Here: [`call`] checks the input, answers a known key from its run, and
//! either performs the action at once or leaves it to a worker; [`work`] is that worker, and also who comes looking after a
//! call whose server died.

mod call;
mod end;
mod input;
mod list;
mod perform;
mod prepare;
mod watched;
mod work;

use domain::Scope;
use ids::{ActionRunId, JobId};
use serde::{Deserialize, Serialize};
use store::NewJob;
use vault::Place;

use crate::Services;

pub use call::{Call, CallError, Called, call};
pub use input::Key;
pub use list::{actions, find, lines, runs};
pub use prepare::PrepareError;
pub use work::{Worked, give_up, work};

/// The queue of calls.
pub const QUEUE: &str = "action_run";

/// What a job of the queue does.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ActionJob {
    /// The call to perform, or to look after.
    pub run: ActionRunId,
}

/// The job of a call, due at that time. Calls run beside each other, those of one connection too: the provider's rate
/// budget is what they share.
fn job(services: &Services, run: ActionRunId, at: chrono::DateTime<chrono::Utc>) -> NewJob {
    NewJob {
        priority: 0,
        ..NewJob::about(run, services.mint.id(JobId::new), QUEUE, serde_json::json!(ActionJob { run }), at)
    }
}

const fn input_place(run: ActionRunId) -> Place {
    Place { table: "action_runs", column: "input", row: run.uuid() }
}

const fn output_place(run: ActionRunId) -> Place {
    Place { table: "action_runs", column: "output", row: run.uuid() }
}

/// Where and for whom a call is performed, whoever waits for it.
#[derive(Clone)]
struct Performer {
    services: Services,
    scope: Scope,
}
