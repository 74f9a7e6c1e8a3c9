//! Syncs: recurring pulls of a stream into records.
//!
//! A run is begun under a job and bears a fencing number of its own. Each page commits with its cursor in one
//! transaction that checks the fence, so a run that was killed goes on at the last page that was committed, and a worker
//! that was taken for dead and is not can write nothing any more.

mod begin;
mod control;
mod end;
mod identify;
mod ingest;
pub(crate) mod journal;
mod list;
mod options;
pub mod plugin_http;
mod run;
mod schedule;
mod set_schedule;
mod trouble;
mod variant;
mod webhook;

use domain::{Scope, run::Trigger};
use ids::{JobId, SyncId};
use serde::{Deserialize, Serialize};
use store::{Calls, NewJob, StoreError, Tx};

use crate::Services;

pub(crate) use identify::{plugin_identity, plugin_verification};
pub(crate) use webhook::told;

pub use control::{ControlError, cancel, pause, resume, resync, trigger};
pub use list::{find_run, list, run_lines, runs};
pub use options::connection_for;
pub use run::{Ran, RunSyncError, give_up, run};
pub use schedule::{begin_for_connection, enqueue_due};
pub use set_schedule::{SetScheduleError, WantedSchedule, set_schedule};
pub use variant::{NewVariant, VariantError, create, delete, set_params};

/// The queue of runs.
pub const QUEUE: &str = "sync_run";

/// What a job of the queue does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SyncJob {
    /// The sync to run.
    pub sync: SyncId,
    /// Why.
    pub trigger: String,
}

/// The job that runs a sync, due now. Two of one sync never run at once, and while one waits another is not added.
fn job(services: &Services, sync: SyncId, trigger: Trigger) -> NewJob {
    let priority = match trigger {
        Trigger::Connect | Trigger::Api | Trigger::Webhook => 0,
        Trigger::Schedule => 1,
    };
    let payload = serde_json::json!(SyncJob { sync, trigger: trigger.as_str().to_owned() });
    let calls = Calls::Sync(sync);
    NewJob { priority, calls, ..NewJob::about(sync, services.mint.id(JobId::new), QUEUE, payload, services.now()) }
}

/// Has a sync run now, also if it waits for a retry.
async fn enqueue_now(
    tx: &mut Tx<Scope>,
    services: &Services,
    sync: SyncId,
    trigger: Trigger,
) -> Result<(), StoreError> {
    let now = services.now();
    if !tx.jobs().enqueue(job(services, sync, trigger), now).await? {
        tx.jobs().hasten(QUEUE, &sync.to_string(), now).await?;
    }
    Ok(())
}
