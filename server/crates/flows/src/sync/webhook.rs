//! What a provider's webhook has a sync do.

use chrono::TimeDelta;
use domain::{Scope, run::Trigger};
use store::{NewJob, StoreError, SyncRow, Tx};

use super::job;
use crate::Services;

/// A run that a webhook brought about begins this long after the last run began, at the earliest: however many webhooks
/// come, a provider is asked no more often. The first of them is not kept waiting.
const BETWEEN_RUNS: TimeDelta = TimeDelta::seconds(2);

/// The provider says that a sync's stream changed, and that these records are gone from it. It runs now, once for all that
/// is told until then. Where a run waits to be tried again it is left to wait: the provider asked for that, or is down. A
/// paused sync runs once it is resumed, and one whose connection is not active once that is repaired; it knows then what is
/// gone.
pub(crate) async fn told(
    tx: &mut Tx<Scope>,
    services: &Services,
    sync: &SyncRow,
    is_active: bool,
    gone: &[String],
) -> Result<(), StoreError> {
    let now = services.now();
    if !gone.is_empty() {
        tx.syncs().add_gone(sync.id, gone).await?;
    }
    if sync.paused_at.is_some() || !is_active {
        return tx.syncs().make_due(sync.id, now).await;
    }
    let last = sync.last_run.map(|run| run.started_at);
    let run_at = last.map_or(now, |started| now.max(started + BETWEEN_RUNS));
    tx.jobs().enqueue(NewJob { run_at, ..job(services, sync.id, Trigger::Webhook) }, now).await?;
    Ok(())
}
