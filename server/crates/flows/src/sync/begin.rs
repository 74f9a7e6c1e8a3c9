//! Begins a run, or takes one up that was broken off.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{
    Scope,
    connection::Health,
    run::{SyncMode, Trigger},
};
use ids::{RunId, SyncId};
use store::{RunFence, StoreError, SyncRow, Tx};

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
    /// Whether somebody had it before.
    pub was_broken_off: bool,
}

/// What there is to do.
pub(super) enum Beginning {
    Run(Box<Begun>),
    /// Nothing, for this reason.
    Nothing(&'static str),
}

pub(super) async fn begin(services: &Services, scope: Scope, job: &SyncJob) -> Result<Beginning, StoreError> {
    let now = services.now();
    let mut tx = services.store.begin(scope).await?;
    let sync = match tx.syncs().lock(job.sync).await {
        Ok(sync) => sync,
        Err(StoreError::NotFound) => return Ok(Beginning::Nothing("the sync is gone")),
        Err(error) => return Err(error),
    };
    if sync.paused_at.is_some() {
        return Ok(Beginning::Nothing("the sync is paused"));
    }
    if let Some((run, fence)) = tx.runs().take_up(sync.id).await? {
        let last_line = tx.runs().last_line(run.id).await?;
        mark_gone(&mut tx, &sync, fence, now).await?;
        tx.commit().await?;
        let (cursor, pages) = (sync.cursor.clone(), run.pages);
        return Ok(Beginning::Run(Box::new(Begun {
            held: Held { scope, sync, fence },
            cursor,
            pages,
            last_line,
            was_broken_off: true,
        })));
    }
    if tx.connections().context(sync.connection).await?.connection.health != Health::Active {
        return Ok(Beginning::Nothing("the connection is not active"));
    }
    let is_full = sync.mode == SyncMode::Full || sync.begins_anew;
    let trigger = Trigger::parse(&job.trigger).unwrap_or(Trigger::Schedule);
    let id = services.mint.id(RunId::new);
    let fence = tx.runs().begin(id, sync.id, sync.connection, trigger, is_full, now).await?;
    tx.syncs().run_began(sync.id, id, is_full).await?;
    mark_gone(&mut tx, &sync, fence, now).await?;
    tx.commit().await?;
    let cursor = if is_full { None } else { sync.cursor.clone() };
    Ok(Beginning::Run(Box::new(Begun {
        held: Held { scope, sync, fence },
        cursor,
        pages: 0,
        last_line: 0,
        was_broken_off: false,
    })))
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

/// Takes up the run of a sync that was broken off, if there is one, and begins none.
pub(super) async fn take_up(services: &Services, scope: Scope, sync: SyncId) -> Result<Option<Begun>, StoreError> {
    let mut tx = services.store.begin(scope).await?;
    let sync = match tx.syncs().lock(sync).await {
        Ok(sync) => sync,
        Err(StoreError::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some((run, fence)) = tx.runs().take_up(sync.id).await? else { return Ok(None) };
    let last_line = tx.runs().last_line(run.id).await?;
    tx.commit().await?;
    let cursor = sync.cursor.clone();
    Ok(Some(Begun { held: Held { scope, sync, fence }, cursor, pages: run.pages, last_line, was_broken_off: true }))
}
