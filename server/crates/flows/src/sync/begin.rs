//! Begins a run, or takes one up that was broken off.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{
    Scope,
    run::{SyncMode, Trigger},
};
use ids::{PluginVersionId, RunId};
use store::{JobLease, NewRun, RunFence, StoreError, SyncRow, TakenUp, Tx};

use super::{SyncJob, run::Held};
use crate::Services;

/// A run that begins or goes on.
pub(super) struct Begun {
    pub held: Held,
    /// Where the next page begins.
    pub cursor: Option<String>,
    /// Pages that were committed before.
    pub pages: u32,
    /// The last line of its log.
    pub last_line: u32,
    /// The pushed version of the plugin that it began with.
    pub version: Option<PluginVersionId>,
    /// Whether somebody had it before.
    pub was_broken_off: bool,
}

/// What there is to do.
pub(super) enum Beginning {
    Run(Box<Begun>),
    /// Nothing, for this reason.
    Nothing(&'static str),
}

/// Begins a run for a job, or goes on with the one that was broken off.
pub(super) async fn begin(
    services: &Services,
    scope: Scope,
    job: &SyncJob,
    lease: JobLease,
) -> Result<Beginning, StoreError> {
    let now = services.now();
    let mut tx = services.store.begin(scope).await?;
    let (sync, is_active) = match tx.syncs().lock_to_run(job.sync).await {
        Ok(locked) => locked,
        Err(StoreError::NotFound) => return Ok(Beginning::Nothing("the sync is gone")),
        Err(error) => return Err(error),
    };
    if sync.paused_at.is_some() {
        // It was paused after the job was added, or its connection was repaired meanwhile. What the run was for is made up
        // for when the sync is resumed.
        tx.syncs().make_due(sync.id, now).await?;
        tx.commit().await?;
        return Ok(Beginning::Nothing("the sync is paused"));
    }
    let is_full = sync.mode == SyncMode::Full || sync.begins_anew;
    let new = is_active.then(|| NewRun {
        id: services.mint.id(RunId::new),
        trigger: Trigger::parse(&job.trigger).unwrap_or(Trigger::Schedule),
        is_full,
        at: now,
        may_be_lost: sync.gone.is_empty(),
    });
    let Some(taken) = tx.runs().take_up(sync.id, new).await? else {
        return Ok(Beginning::Nothing("the connection is not active"));
    };
    mark_gone(&mut tx, &sync, taken.fence, now).await?;
    let cursor = if is_full && !taken.was_broken_off { None } else { sync.cursor.clone() };
    let begun = begun(&mut tx, Held { scope, job: lease, sync, fence: taken.fence }, cursor, taken).await?;
    tx.commit().await?;
    Ok(Beginning::Run(Box::new(begun)))
}

/// Takes up the run of a sync that was broken off, if there is one, and begins none.
pub(super) async fn take_up(
    services: &Services,
    scope: Scope,
    job: &SyncJob,
    lease: JobLease,
) -> Result<Option<Begun>, StoreError> {
    let mut tx = services.store.begin(scope).await?;
    let sync = match tx.syncs().lock(job.sync).await {
        Ok(sync) => sync,
        Err(StoreError::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(taken) = tx.runs().take_up(sync.id, None).await? else { return Ok(None) };
    let cursor = sync.cursor.clone();
    let begun = begun(&mut tx, Held { scope, job: lease, sync, fence: taken.fence }, cursor, taken).await?;
    tx.commit().await?;
    Ok(Some(begun))
}

async fn begun(tx: &mut Tx<Scope>, held: Held, cursor: Option<String>, taken: TakenUp) -> Result<Begun, StoreError> {
    let TakenUp { pages, version, was_broken_off, .. } = taken;
    let last_line = if was_broken_off { tx.runs().last_line(held.fence.run).await? } else { 0 };
    Ok(Begun { held, cursor, pages, last_line, version, was_broken_off })
}

/// Marks the records of which webhooks said that they are gone, with the sync locked. At the beginning of a run and no other
/// time: nothing that was pulled before can come after, and what is there again is seen by the run.
async fn mark_gone(tx: &mut Tx<Scope>, sync: &SyncRow, fence: RunFence, now: DateTime<Utc>) -> Result<(), StoreError> {
    if sync.gone.is_empty() {
        return Ok(());
    }
    let gone: BTreeSet<&str> = sync.gone.iter().map(String::as_str).collect();
    let gone: Vec<&str> = gone.into_iter().collect();
    let deleted = tx.records().delete(sync.id, &gone, sync.last_seq, now).await?;
    tx.syncs().gone_is_marked(sync.id, sync.last_seq.saturating_add(deleted)).await?;
    tx.runs().count_deleted(fence, u64::try_from(deleted).unwrap_or_default()).await
}
