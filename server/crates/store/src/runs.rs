//! Runs of syncs.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    Scope,
    run::{Blame, Counts, RunState, Trigger},
};
use ids::{ConnectionId, EnvironmentId, RunId, SyncId, TenantId};

use crate::{
    StoreError, Tx,
    schema::{run_seen, runs, syncs},
    words::{count, word},
};

/// A run.
#[derive(Debug, Clone)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// Of which sync.
    pub sync: SyncId,
    /// Of which connection.
    pub connection: ConnectionId,
    /// The sync's stream.
    pub stream: String,
    /// Why it was begun.
    pub trigger: Trigger,
    /// Where it stands.
    pub state: RunState,
    /// Raised each time a worker takes it up.
    pub fence: i64,
    /// Whether it began anew, so that what it has not seen at its end is gone.
    pub is_full: bool,
    /// Pages committed.
    pub pages: u32,
    /// What it did.
    pub counts: Counts,
    /// Why it failed.
    pub error: Option<RunFailure>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFailure {
    /// Stable code.
    pub code: String,
    /// In words.
    pub message: String,
    /// Who has to do something about it.
    pub blame: Blame,
}

/// A run in the hands of a worker. Everything that is written about it checks the fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunFence {
    /// The run.
    pub run: RunId,
    /// The number that the worker was given when it took the run up.
    pub number: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = runs, check_for_backend(diesel::pg::Pg))]
struct RunColumns {
    run_id: RunId,
    sync_id: SyncId,
    connection_id: ConnectionId,
    trigger: String,
    state: String,
    fence: i64,
    is_full: bool,
    pages: i32,
    added: i64,
    updated: i64,
    deleted: i64,
    unchanged: i64,
    error_code: Option<String>,
    error_message: Option<String>,
    blame: Option<String>,
    started_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

fn read((run, stream): (RunColumns, String)) -> Result<RunRow, StoreError> {
    let blame = run.blame.map(|blame| word("runs", &blame, Blame::parse)).transpose()?;
    let error = match (run.error_code, run.error_message, blame) {
        (Some(code), Some(message), Some(blame)) => Some(RunFailure { code, message, blame }),
        _ => None,
    };
    Ok(RunRow {
        id: run.run_id,
        sync: run.sync_id,
        connection: run.connection_id,
        stream,
        trigger: word("runs", &run.trigger, Trigger::parse)?,
        state: word("runs", &run.state, RunState::parse)?,
        fence: run.fence,
        is_full: run.is_full,
        pages: count("runs", run.pages)?,
        counts: Counts {
            added: count("runs", run.added)?,
            updated: count("runs", run.updated)?,
            deleted: count("runs", run.deleted)?,
            unchanged: count("runs", run.unchanged)?,
        },
        error,
        started_at: run.started_at,
        finished_at: run.finished_at,
    })
}

/// The runs of one environment.
pub struct Runs<'t> {
    pub(crate) connection: &'t mut AsyncPgConnection,
    pub(crate) scope: Scope,
}

impl Tx<Scope> {
    /// The runs of this environment.
    pub fn runs(&mut self) -> Runs<'_> {
        let scope = self.scope();
        Runs { connection: self.connection(), scope }
    }
}

crate::walls::of_environment!(fn mine, runs);

#[diesel::dsl::auto_type(no_type_alias)]
fn with_stream() -> _ {
    runs::table.inner_join(syncs::table.on(syncs::sync_id.eq(runs::sync_id)))
}

#[diesel::dsl::auto_type(no_type_alias)]
fn held(fence: RunFence) -> _ {
    let (run, number): (RunId, i64) = (fence.run, fence.number);
    runs::table.filter(runs::run_id.eq(run)).filter(runs::fence.eq(number)).filter(runs::state.eq("running"))
}

pub(crate) const SUPERSEDED: StoreError = StoreError::Superseded("another worker has this run now, or it has ended");

impl Runs<'_> {
    /// Begins a run, with the sync locked.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if one of the sync is running.
    pub async fn begin(
        &mut self,
        id: RunId,
        sync: SyncId,
        connection: ConnectionId,
        trigger: Trigger,
        is_full: bool,
        now: DateTime<Utc>,
    ) -> Result<RunFence, StoreError> {
        diesel::insert_into(runs::table)
            .values((
                runs::run_id.eq(id),
                runs::tenant_id.eq(self.scope.tenant),
                runs::environment_id.eq(self.scope.environment),
                runs::sync_id.eq(sync),
                runs::connection_id.eq(connection),
                runs::trigger.eq(trigger.as_str()),
                runs::state.eq(RunState::Running.as_str()),
                runs::fence.eq(1_i64),
                runs::is_full.eq(is_full),
                runs::started_at.eq(now),
            ))
            .execute(self.connection)
            .await?;
        Ok(RunFence { run: id, number: 1 })
    }

    /// Takes the running run of a sync up, if there is one: whoever had it before is fenced off from now on.
    ///
    /// # Errors
    /// The update failed.
    pub async fn take_up(&mut self, sync: SyncId) -> Result<Option<(RunRow, RunFence)>, StoreError> {
        let running =
            runs::table.filter(mine(self.scope)).filter(runs::sync_id.eq(sync).and(runs::state.eq("running")));
        let taken = diesel::update(running)
            .set(runs::fence.eq(runs::fence + 1))
            .returning(RunColumns::as_returning())
            .get_result(self.connection)
            .await
            .optional()?;
        let Some(columns) = taken else { return Ok(None) };
        let row = read((columns, String::new()))?;
        let fence = RunFence { run: row.id, number: row.fence };
        Ok(Some((row, fence)))
    }

    /// Checks that the run is still this worker's, and keeps it so until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError::Superseded`].
    pub async fn check(&mut self, fence: RunFence) -> Result<(), StoreError> {
        let held = held(fence).select(runs::run_id).for_no_key_update();
        held.first::<RunId>(self.connection).await.optional()?.map(|_| ()).ok_or(SUPERSEDED)
    }

    /// From here on the run is full: it begins anew, and what it does not see from now on is gone at its end.
    ///
    /// # Errors
    /// [`StoreError::Superseded`].
    pub async fn make_full(&mut self, fence: RunFence) -> Result<(), StoreError> {
        let changed = diesel::update(held(fence)).set(runs::is_full.eq(true)).execute(self.connection).await?;
        diesel::delete(run_seen::table.filter(run_seen::run_id.eq(fence.run))).execute(self.connection).await?;
        if changed == 0 { Err(SUPERSEDED) } else { Ok(()) }
    }

    /// Counts records that the run marked as gone beside its pages.
    ///
    /// # Errors
    /// [`StoreError::Superseded`].
    pub async fn count_deleted(&mut self, fence: RunFence, deleted: u64) -> Result<(), StoreError> {
        let counted = diesel::update(held(fence)).set(runs::deleted.eq(runs::deleted + stored(deleted)));
        if counted.execute(self.connection).await? == 0 { Err(SUPERSEDED) } else { Ok(()) }
    }

    /// Ends a run: it succeeded, or failed for the reason given. What it had seen is forgotten.
    ///
    /// # Errors
    /// [`StoreError::Superseded`].
    pub async fn end(
        &mut self,
        fence: RunFence,
        failure: Option<&RunFailure>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let state = if failure.is_some() { RunState::Failed } else { RunState::Succeeded };
        let changed = diesel::update(held(fence))
            .set((
                runs::state.eq(state.as_str()),
                runs::error_code.eq(failure.map(|failure| failure.code.as_str())),
                runs::error_message.eq(failure.map(|failure| failure.message.as_str())),
                runs::blame.eq(failure.map(|failure| failure.blame.as_str())),
                runs::finished_at.eq(now),
            ))
            .execute(self.connection)
            .await?;
        diesel::delete(run_seen::table.filter(run_seen::run_id.eq(fence.run))).execute(self.connection).await?;
        if changed == 0 { Err(SUPERSEDED) } else { Ok(()) }
    }

    /// Ends the run of a sync that is under way, if there is one, with the sync locked: whoever has it is fenced off. What
    /// was committed stays.
    ///
    /// # Errors
    /// The update failed.
    pub async fn cancel(&mut self, sync: SyncId, now: DateTime<Utc>) -> Result<Option<RunId>, StoreError> {
        let Some((_, fence)) = self.take_up(sync).await? else { return Ok(None) };
        diesel::update(held(fence))
            .set((runs::state.eq(RunState::Cancelled.as_str()), runs::finished_at.eq(now)))
            .execute(self.connection)
            .await?;
        diesel::delete(run_seen::table.filter(run_seen::run_id.eq(fence.run))).execute(self.connection).await?;
        Ok(Some(fence.run))
    }

    /// The run of that id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&mut self, id: RunId) -> Result<RunRow, StoreError> {
        let row = with_stream()
            .filter(mine(self.scope))
            .filter(runs::run_id.eq(id))
            .select((RunColumns::as_select(), syncs::stream))
            .first(self.connection)
            .await?;
        read(row)
    }

    /// Runs, the latest first, of one connection or sync or of all, before one of them.
    ///
    /// # Errors
    /// The query failed.
    pub async fn list(
        &mut self,
        connection: Option<ConnectionId>,
        sync: Option<SyncId>,
        before: Option<RunId>,
        limit: i64,
    ) -> Result<Vec<RunRow>, StoreError> {
        let mut query = with_stream()
            .filter(mine(self.scope))
            .select((RunColumns::as_select(), syncs::stream))
            .order(runs::run_id.desc())
            .limit(limit)
            .into_boxed();
        if let Some(connection) = connection {
            query = query.filter(runs::connection_id.eq(connection));
        }
        if let Some(sync) = sync {
            query = query.filter(runs::sync_id.eq(sync));
        }
        if let Some(before) = before {
            query = query.filter(runs::run_id.lt(before));
        }
        query.load(self.connection).await?.into_iter().map(read).collect()
    }

    /// The latest run of each of these connections that has one.
    ///
    /// # Errors
    /// The query failed.
    pub async fn latest_of_connections(&mut self, connections: &[ConnectionId]) -> Result<Vec<RunRow>, StoreError> {
        let query = with_stream()
            .filter(mine(self.scope))
            .filter(runs::connection_id.eq_any(connections.to_vec()))
            .distinct_on(runs::connection_id)
            .order((runs::connection_id, runs::run_id.desc()))
            .select((RunColumns::as_select(), syncs::stream));
        query.load(self.connection).await?.into_iter().map(read).collect()
    }
}

pub(crate) fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
