//! Upkeep of records: what is kept no longer is removed, and what shall lie sealed is sealed. A bounded piece at a time,
//! each in a transaction that locks its sync as a page does.

use chrono::{DateTime, TimeDelta, Utc};
use store::{DueUpkeep, Step, StoreError, Upkeep};
use vault::RowKey;

use super::key;
use crate::{Services, credentials::SealError};

/// How often a sync's records are looked at.
const EVERY: TimeDelta = TimeDelta::minutes(10);
/// Syncs in one go.
const SYNCS: i64 = 50;
/// Transactions for one sync in one go.
const STEPS: u32 = 50;
/// Records that one of them looks at.
const BATCH: i64 = 1_000;
/// Records that one of them seals; each may be megabytes.
const SEALED_AT_ONCE: i64 = 32;

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    /// Deleted records that were removed.
    pub removed: i64,
    /// Records whose content was removed.
    pub emptied: i64,
    /// Records that were sealed.
    pub sealed: i64,
    /// Syncs that could not be looked at, since the key service was not available.
    pub failed: u32,
    /// Whether there is more to do at once.
    pub has_more: bool,
}

/// Looks at the records of syncs that are due.
///
/// # Errors
/// The database failed.
pub async fn keep(services: &Services) -> Result<Kept, StoreError> {
    let now = services.now();
    let mut tx = services.store.begin_system().await?;
    let due = tx.due_upkeep(now - EVERY, SYNCS).await?;
    tx.commit().await?;
    let mut kept = Kept { has_more: i64::try_from(due.len()).unwrap_or(i64::MAX) >= SYNCS, ..Kept::default() };
    for one in due {
        let sealing = if one.policy.is_sealed {
            match key::find_or_make(services, one.scope, one.sync).await {
                Ok(key) => Some(key),
                Err(SealError::Store(error)) => return Err(error),
                Err(error @ SealError::Keys(_)) => {
                    tracing::warn!(sync.id = %one.sync, %error, "records cannot be sealed now");
                    kept.failed += 1;
                    None
                }
            }
        } else {
            None
        };
        let mut is_done = false;
        for _ in 0..STEPS {
            is_done = step(services, &one, sealing.as_ref(), now, &mut kept).await?;
            if is_done {
                break;
            }
        }
        kept.has_more |= !is_done;
    }
    Ok(kept)
}

/// One transaction's worth of one sync. Gives whether that was all for now.
async fn step(
    services: &Services,
    due: &DueUpkeep,
    key: Option<&RowKey>,
    now: DateTime<Utc>,
    kept: &mut Kept,
) -> Result<bool, StoreError> {
    let (sync, policy) = (due.sync, due.policy);
    let mut tx = services.store.begin(due.scope).await?;
    match tx.syncs().lock(sync).await {
        Ok(_) => {}
        Err(StoreError::NotFound) => return Ok(true),
        Err(error) => return Err(error),
    }
    let mut upkeep: Upkeep = tx.records().upkeep(sync).await?;
    let mut is_done = true;
    let before = |days: u16| now - TimeDelta::days(days.into());
    if let Some(days) = policy.keep_deleted_days {
        let Step { to, seen, changed, highest } =
            tx.records().prune_deleted(sync, upkeep.deleted_to, before(days), BATCH).await?;
        upkeep.deleted_to = to;
        if changed > 0 {
            upkeep.pruned_seq = upkeep.pruned_seq.max(highest);
            upkeep.pruned_before = upkeep.pruned_before.max(Some(before(days)));
        }
        kept.removed += changed;
        is_done &= seen < BATCH;
    }
    if let Some(days) = policy.keep_content_days {
        let step = tx.records().prune_content(sync, upkeep.content_to, before(days), BATCH).await?;
        upkeep.content_to = step.to;
        kept.emptied += step.changed;
        is_done &= step.seen < BATCH;
    }
    if let Some(key) = key {
        let rows = tx.records().unsealed(sync, upkeep.sealed_to, SEALED_AT_ONCE).await?;
        let plain: Vec<_> = rows.iter().filter_map(|row| Some((row, row.body.as_deref()?))).collect();
        let bodies = plain.iter().map(|(row, body)| (row.external_id.as_str(), *body));
        let sealed = key::seal_all(services, key, bodies).map_err(|error| match error {
            SealError::Store(error) => error,
            SealError::Keys(error) => StoreError::Corrupt { table: "records", what: error.to_string() },
        })?;
        let ids: Vec<&str> = plain.iter().map(|(row, _)| row.external_id.as_str()).collect();
        let keyed: Vec<[u8; 32]> = plain.iter().map(|(row, _)| key.hash(&row.content_hash)).collect();
        let hashes: Vec<&[u8]> = keyed.iter().map(<[u8; 32]>::as_slice).collect();
        tx.records().seal_in_place(sync, &ids, &hashes, &sealed).await?;
        upkeep.sealed_to = rows.last().map_or(upkeep.sealed_to, |row| row.seq);
        kept.sealed += i64::try_from(sealed.len()).unwrap_or_default();
        is_done &= i64::try_from(rows.len()).unwrap_or_default() < SEALED_AT_ONCE;
    }
    tx.records().note_upkeep(sync, upkeep, is_done.then_some(now)).await?;
    tx.commit().await?;
    Ok(is_done)
}
