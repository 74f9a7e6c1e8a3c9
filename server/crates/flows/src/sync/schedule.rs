//! When syncs run: at once for a new connection, then by their schedules.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Scope, entropy,
    manifest::{Manifest, StreamSpec},
    run::{SyncMode, Trigger},
    schedule::Schedule,
};
use ids::{ConnectionId, SyncId};
use store::{NewSync, StoreError, Tx};

use super::{QUEUE, enqueue_now, job};
use crate::Services;

/// Syncs that one pass looks at.
const BATCH: i64 = 200;

/// Gives a connection a sync for each stream of the manifest and has all of them run now. To be called in the
/// transaction that makes the connection active, the first time and after each repair: syncs that are there stay, with
/// their cursors and records.
///
/// # Errors
/// A query failed.
pub async fn begin_for_connection(
    tx: &mut Tx<Scope>,
    services: &Services,
    manifest: &Manifest,
    connection: ConnectionId,
) -> Result<(), StoreError> {
    if manifest.plugin.is_none() {
        return Ok(());
    }
    let wanted: Vec<NewSync> = manifest
        .streams
        .iter()
        .map(|stream| NewSync {
            id: services.mint.id(SyncId::new),
            stream: stream.name.clone(),
            mode: SyncMode::from(stream.mode),
            every_seconds: every_seconds(stream),
            since: since(services, stream.backfill_days),
            next_run_at: next_run(services, &Schedule::Every(every_seconds(stream)), 0),
        })
        .collect();
    for sync in tx.syncs().ensure(connection, &wanted, services.now()).await? {
        enqueue_now(tx, services, sync, Trigger::Connect).await?;
    }
    Ok(())
}

/// Puts the syncs that are due into the queue and says when each is due next. Gives how many were looked at; a full
/// batch means that there may be more. Several nodes may do this at once.
///
/// # Errors
/// A query failed; what was committed before stays.
pub async fn enqueue_due(services: &Services) -> Result<usize, StoreError> {
    let now = services.now();
    let mut tx = services.store.begin_system().await?;
    let due = tx.due_syncs(now, BATCH).await?;
    for sync in &due {
        // One that still runs from the last time is not run again right after.
        let is_running = tx.jobs().is_running(QUEUE, &sync.id.to_string()).await?;
        if sync.is_connected && !is_running {
            tx.jobs().enqueue_in(sync.scope, job(services, sync.id, Trigger::Schedule), now).await?;
        }
        tx.postpone_sync(sync.id, next_run(services, &sync.schedule, sync.failures)).await?;
    }
    tx.commit().await?;
    Ok(due.len())
}

/// When a sync is due next, counted from now.
pub(super) fn next_run(services: &Services, schedule: &Schedule, failures: u32) -> DateTime<Utc> {
    schedule.next(services.now(), failures, u32::from_be_bytes(entropy::bytes(services.entropy.as_ref())))
}

/// How far back a sync goes that begins now.
pub(super) fn since(services: &Services, days: Option<u32>) -> Option<DateTime<Utc>> {
    days.map(|days| services.now() - TimeDelta::days(days.into()))
}

/// The manifest's interval.
pub(super) fn every_seconds(stream: &StreamSpec) -> u32 {
    stream.every_minutes.saturating_mul(60).max(60)
}
