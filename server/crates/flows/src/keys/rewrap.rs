//! Sealing anew, while traffic runs, what lies under data keys that are no longer in use.
//!
//! A run belongs to an environment and is worked on by one job. The job reads a few values, opens and seals them outside any
//! transaction, and puts each in the place of exactly the bytes that it read: a refresh, a reconnect or an edit that came in
//! between wins, and has sealed with the new data key itself. How far the run is needs no bookkeeping, because a value says
//! which data key it lies under: whoever takes a run over after a crash finds what is left.

use std::{collections::HashMap, time::Duration};

use ids::{DataKeyId, JobId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{KeyRewrapRow, NewJob, Resealed, RewrapStep, SEALED_COLUMNS, SealedColumn, SealedValue, StoreError};
use tokio::time::Instant;
use vault::{KeyError, Opened, Place, Sealed};

use crate::{
    Ctx, audit,
    credentials::{SealError, data_key, data_key_for, open},
};

/// The queue of the job.
pub const QUEUE: &str = "keys_rewrap";

/// Values in one transaction. Their rows are locked while it commits, so it is short.
const BATCH: u32 = 100;
/// After a step the job rests for as long as the step took, so that it takes half of what it could; within these bounds.
const REST: std::ops::Range<Duration> = Duration::from_millis(2)..Duration::from_secs(2);
/// A server that had the old data key in its hands when the new one came may seal with it for a moment. Then there is
/// something left after a pass.
const PASSES: u32 = 3;
/// The wait before the passes begin again.
const PAUSE: Duration = Duration::from_secs(5);

/// What a job of the queue does: it works on its environment's run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct RewrapJob {}

/// Why a run was not begun or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum RewrapError {
    /// The key service is away, or the data key cannot be had.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SealError> for RewrapError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Keys(error) => Self::Keys(error),
            SealError::Store(error) => Self::Store(error),
        }
    }
}

/// What came of a job's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worked {
    /// The run is done, was paused, or there is none.
    Ended,
    /// Go on after this.
    Later(Duration),
}

/// Begins a run in the environment, or lets one that is paused or under way go on. Gives how it stands; `None` where
/// nothing was ever sealed.
///
/// # Errors
/// [`RewrapError`].
pub async fn start(ctx: Ctx<'_>) -> Result<Option<KeyRewrapRow>, RewrapError> {
    let services = ctx.services;
    let now = services.now();
    let mut tx = services.store.begin(ctx.scope).await?;
    let Some(current) = tx.data_keys().current().await? else { return Ok(None) };
    let counts = tx.sealed_values().count().await?;
    let old = counts.iter().filter(|count| count.data_key != current.data_key_id).map(|count| count.values).sum();
    tx.key_rewraps().begin(old, now).await?;
    let key = format!("rewrap:{}", ctx.scope.environment);
    let job = NewJob::about(&key, services.mint.id(JobId::new), QUEUE, json!(RewrapJob {}), now);
    if !tx.jobs().enqueue(NewJob { priority: 2, ..job }, now).await? {
        tx.jobs().hasten(QUEUE, &key, now).await?;
    }
    let detail = json!({ "values": old });
    tx.audit(audit::row(services, ctx.actor, "keys.rewrap_started", ctx.scope.environment, detail)).await?;
    let run = tx.key_rewraps().latest().await?;
    tx.commit().await?;
    Ok(run)
}

/// Pauses the environment's run; what is sealed anew stays so. Gives whether one was under way.
///
/// # Errors
/// The database failed.
pub async fn pause(ctx: Ctx<'_>) -> Result<bool, StoreError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let paused = tx.key_rewraps().pause(services.now()).await?;
    if paused {
        let row = audit::row(services, ctx.actor, "keys.rewrap_paused", ctx.scope.environment, json!({}));
        tx.audit(row).await?;
    }
    tx.commit().await?;
    Ok(paused)
}

/// How the environment's latest run stands.
///
/// # Errors
/// The database failed.
pub async fn progress(ctx: Ctx<'_>) -> Result<Option<KeyRewrapRow>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let run = tx.key_rewraps().latest().await?;
    tx.commit().await?;
    Ok(run)
}

/// Pauses a run whose job is given up, with the reason, so that it can be taken up again.
///
/// # Errors
/// The database failed.
pub async fn give_up(ctx: Ctx<'_>, reason: &str) -> Result<(), StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let now = ctx.services.now();
    let step = RewrapStep { last_error: Some(reason.to_owned()), ..RewrapStep::default() };
    tx.key_rewraps().step(&step, now).await?;
    tx.key_rewraps().pause(now).await?;
    tx.commit().await
}

/// Works on the environment's run until it is done or paused. The future may be dropped at any point.
///
/// # Errors
/// [`RewrapError`]; what is sealed anew by then stays so.
pub async fn work(ctx: Ctx<'_>) -> Result<Worked, RewrapError> {
    // Where the data key in use is not as the configuration wants it now, this replaces it.
    data_key(ctx).await?;
    for _ in 0..PASSES {
        let mut pass = Pass::default();
        for column in SEALED_COLUMNS {
            if !pass.go_through(ctx, *column).await? {
                return Ok(Worked::Ended);
            }
        }
        if pass.sealed == 0 {
            let mut tx = ctx.services.store.begin(ctx.scope).await?;
            tx.key_rewraps().finish(ctx.services.now()).await?;
            let detail = json!({ "failed": pass.failed });
            let scope = ctx.scope;
            tx.audit(audit::row(ctx.services, ctx.actor, "keys.rewrap_done", scope.environment, detail)).await?;
            tx.commit().await?;
            return Ok(Worked::Ended);
        }
    }
    Ok(Worked::Later(PAUSE))
}

/// One walk through all columns.
#[derive(Default)]
struct Pass {
    /// Values that were found under old data keys and opened.
    sealed: u64,
    failed: u64,
    last_error: Option<String>,
}

impl Pass {
    /// Goes through a column. Gives whether the run goes on.
    async fn go_through(&mut self, ctx: Ctx<'_>, column: SealedColumn) -> Result<bool, RewrapError> {
        let services = ctx.services;
        let mut after = Default::default();
        // No more at once than one data key may seal.
        let most = u32::try_from(services.sealer.messages_per_key()).unwrap_or(u32::MAX).clamp(1, BATCH);
        loop {
            let began = Instant::now();
            let mut tx = services.store.begin(ctx.scope).await?;
            let Some(run) = tx.key_rewraps().latest().await?.filter(|run| run.state == "running") else {
                return Ok(false);
            };
            let keys = tx.data_keys().all().await?;
            let good = keys.iter().filter(|key| key.retired_at.is_none() || key.created_at >= run.started_at);
            let good: Vec<DataKeyId> = good.map(|key| key.data_key_id).collect();
            let values = tx.sealed_values().not_under(column, &good, after, most).await?;
            tx.commit().await?;
            let Some(last) = values.last() else { return Ok(true) };
            after = last.id;
            let resealed = self.reseal(ctx, column, values).await?;
            let mut tx = services.store.begin(ctx.scope).await?;
            let done = tx.sealed_values().swap(column, resealed).await?;
            let step = RewrapStep {
                done: u64::try_from(done).unwrap_or_default(),
                failed: self.failed,
                last_error: self.last_error.clone(),
            };
            let goes_on = tx.key_rewraps().step(&step, services.now()).await?;
            tx.commit().await?;
            if !goes_on {
                return Ok(false);
            }
            tokio::time::sleep(began.elapsed().clamp(REST.start, REST.end)).await;
        }
    }

    /// Opens and seals. What does not open stays as it is and is told; a key service that is away ends the turn.
    async fn reseal(
        &mut self,
        ctx: Ctx<'_>,
        column: SealedColumn,
        values: Vec<SealedValue>,
    ) -> Result<Vec<Resealed>, RewrapError> {
        let key = data_key_for(ctx, u64::try_from(values.len()).unwrap_or(1)).await?;
        let mut resealed = Vec::with_capacity(values.len());
        // One that cannot be opened is asked after once, not for each of its values.
        let mut closed: HashMap<DataKeyId, String> = HashMap::new();
        for SealedValue { id, sealed: old } in values {
            let place = Place { table: column.table, column: column.column, row: id };
            match reopen(ctx, place, &old, &mut closed).await {
                Ok(opened) => {
                    let new = ctx.services.sealer.seal(ctx.scope, &key, place, &opened).await?;
                    self.sealed += 1;
                    resealed.push(Resealed { row: id, old, new: new.into_bytes() });
                }
                Err(Closed::Away(error)) => return Err(error),
                Err(Closed::For(reason)) => {
                    let reason = format!("{}.{} of {id}: {reason}", column.table, column.column);
                    tracing::error!(environment.id = %ctx.scope.environment, reason, "a sealed value does not open");
                    self.failed += 1;
                    self.last_error = Some(reason);
                }
            }
        }
        Ok(resealed)
    }
}

/// Why a value was not opened.
enum Closed {
    /// Something is away; try again later.
    Away(RewrapError),
    /// It does not open, and waiting does not help.
    For(String),
}

async fn reopen(
    ctx: Ctx<'_>,
    place: Place,
    bytes: &[u8],
    closed: &mut HashMap<DataKeyId, String>,
) -> Result<Opened, Closed> {
    let sealed = Sealed::from_bytes(bytes.to_vec()).map_err(|error| Closed::For(error.to_string()))?;
    if let Some(reason) = closed.get(&sealed.data_key_id()) {
        return Err(Closed::For(reason.clone()));
    }
    match open(ctx, place, &sealed).await {
        Ok(opened) => Ok(opened),
        // The value itself, or its being where it is.
        Err(SealError::Keys(error @ KeyError::Corrupt { what: "a sealed value" })) => {
            Err(Closed::For(error.to_string()))
        }
        // Its data key, and so all others under that.
        Err(SealError::Keys(
            error @ (KeyError::Corrupt { .. } | KeyError::FutureVersion { .. } | KeyError::RetiredVersion { .. }),
        )) => {
            closed.insert(sealed.data_key_id(), error.to_string());
            Err(Closed::For(error.to_string()))
        }
        Err(error) => Err(Closed::Away(error.into())),
    }
}
