//! Runs of syncs.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    Scope,
    run::{Blame, Counts, RunState, Trigger},
};
use ids::{ConnectionId, EnvironmentId, PluginVersionId, RunId, SyncId, TenantId};

use crate::{
    StoreError, Tx,
    prepared::Prepared,
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

/// A run to begin.
#[derive(Debug, Clone, Copy)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// Why it is begun.
    pub trigger: Trigger,
    /// Whether it begins anew.
    pub is_full: bool,
    /// When it begins.
    pub at: DateTime<Utc>,
    /// Whether nothing else is written in the transaction.
    pub may_be_lost: bool,
}

/// A run that a worker has from now on.
#[derive(Debug, Clone, Copy)]
pub struct TakenUp {
    /// The right to speak for it.
    pub fence: RunFence,
    /// Pages that were committed before.
    pub pages: u32,
    /// The pushed version of the plugin that it began with; `None` where none was pinned.
    pub version: Option<PluginVersionId>,
    /// Whether another worker had it before.
    pub was_broken_off: bool,
}

#[derive(QueryableByName)]
struct TakenUpColumns {
    #[diesel(sql_type = Uuid)]
    run_id: RunId,
    #[diesel(sql_type = BigInt)]
    fence: i64,
    #[diesel(sql_type = Integer)]
    pages: i32,
    #[diesel(sql_type = Nullable<Uuid>)]
    plugin_version_id: Option<PluginVersionId>,
    #[diesel(sql_type = Bool)]
    was_broken_off: bool,
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
    /// Takes the running run of a sync up, with the sync locked: whoever had it before is fenced off from now on. Where none
    /// is running, `new` begins: it is the sync's latest, and where it is full there is no cursor any more. Where that is
    /// all (`may_be_lost`), nobody waits until it is on the disk: after a crash the job begins another.
    ///
    /// # Errors
    /// The query failed.
    pub async fn take_up(&mut self, sync: SyncId, new: Option<NewRun>) -> Result<Option<TakenUp>, StoreError> {
        const SQL: &str = "
WITH taken AS (
    UPDATE runs SET fence = fence + 1
    WHERE sync_id = $1 AND tenant_id = $2 AND environment_id = $3 AND state = 'running'
    RETURNING run_id, fence, pages, plugin_version_id),
begun AS (
    INSERT INTO runs (run_id, tenant_id, environment_id, sync_id, connection_id, trigger, state, fence, is_full, started_at)
    SELECT $4, $2, $3, $1, s.connection_id, $5, 'running', 1, $6, $7 FROM syncs s
    WHERE s.sync_id = $1 AND s.tenant_id = $2 AND s.environment_id = $3 AND $4 IS NOT NULL AND NOT EXISTS (SELECT FROM taken)
    RETURNING run_id, fence, pages, plugin_version_id),
latest AS (
    UPDATE syncs SET last_run_id = begun.run_id, begins_anew = false, cursor = CASE WHEN NOT $6 THEN cursor END
    FROM begun WHERE syncs.sync_id = $1)
SELECT run_id, fence, pages, plugin_version_id, true AS was_broken_off FROM taken
UNION ALL
SELECT run_id, fence, pages, plugin_version_id, false FROM begun
WHERE CASE WHEN $8 THEN set_config('synchronous_commit', 'off', true) END IS DISTINCT FROM 'on'";
        let taken: Option<TakenUpColumns> = Prepared(
            diesel::sql_query(SQL)
                .bind::<Uuid, _>(sync)
                .bind::<Uuid, _>(self.scope.tenant)
                .bind::<Uuid, _>(self.scope.environment)
                .bind::<Nullable<Uuid>, _>(new.map(|new| new.id))
                .bind::<Nullable<Text>, _>(new.map(|new| new.trigger.as_str()))
                .bind::<Bool, _>(new.is_some_and(|new| new.is_full))
                .bind::<Nullable<Timestamptz>, _>(new.map(|new| new.at))
                .bind::<Bool, _>(new.is_some_and(|new| new.may_be_lost)),
        )
        .get_result(self.connection)
        .await
        .optional()?;
        taken
            .map(|row| {
                Ok(TakenUp {
                    fence: RunFence { run: row.run_id, number: row.fence },
                    pages: count("runs", row.pages)?,
                    version: row.plugin_version_id,
                    was_broken_off: row.was_broken_off,
                })
            })
            .transpose()
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
        self.forget_seen(fence.run).await?;
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

    /// Ends a run that failed, with the sync locked. What it had seen is forgotten; the sync's next run is full where this
    /// one was.
    ///
    /// # Errors
    /// [`StoreError::Superseded`].
    pub async fn fail(&mut self, fence: RunFence, failure: &RunFailure, now: DateTime<Utc>) -> Result<(), StoreError> {
        let changed = diesel::update(held(fence))
            .set((
                runs::state.eq(RunState::Failed.as_str()),
                runs::error_code.eq(&failure.code),
                runs::error_message.eq(&failure.message),
                runs::blame.eq(failure.blame.as_str()),
                runs::finished_at.eq(now),
            ))
            .execute(self.connection)
            .await?;
        self.make_up_for(fence.run).await?;
        self.forget_seen(fence.run).await?;
        if changed == 0 { Err(SUPERSEDED) } else { Ok(()) }
    }

    /// Forgets what a full run has seen.
    ///
    /// # Errors
    /// The query failed.
    pub async fn forget_seen(&mut self, run: RunId) -> Result<(), StoreError> {
        diesel::delete(run_seen::table.filter(run_seen::run_id.eq(run))).execute(self.connection).await?;
        Ok(())
    }

    /// Ends the run of a sync that is under way, if there is one, with the sync locked: whoever has it is fenced off. What
    /// was committed stays; the sync's next run is full where this one was.
    ///
    /// # Errors
    /// The update failed.
    pub async fn cancel(&mut self, sync: SyncId, now: DateTime<Utc>) -> Result<Option<RunId>, StoreError> {
        let Some(TakenUp { fence, .. }) = self.take_up(sync, None).await? else { return Ok(None) };
        diesel::update(held(fence))
            .set((runs::state.eq(RunState::Cancelled.as_str()), runs::finished_at.eq(now)))
            .execute(self.connection)
            .await?;
        self.make_up_for(fence.run).await?;
        self.forget_seen(fence.run).await?;
        Ok(Some(fence.run))
    }

    /// Where the run was full, so is the sync's next one: it ended before it could say what is gone, and one that goes on
    /// where it stopped never finds that out. The sync forgot that it was to begin anew when this run began, and not when it
    /// succeeds: what asks for it in between is for the run after it.
    async fn make_up_for(&mut self, run: RunId) -> Result<(), StoreError> {
        const SQL: &str = "
UPDATE syncs SET begins_anew = true FROM runs
WHERE runs.run_id = $1 AND runs.tenant_id = $2 AND runs.environment_id = $3 AND runs.is_full AND syncs.sync_id = runs.sync_id";
        diesel::sql_query(SQL)
            .bind::<Uuid, _>(run)
            .bind::<Uuid, _>(self.scope.tenant)
            .bind::<Uuid, _>(self.scope.environment)
            .execute(self.connection)
            .await?;
        Ok(())
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
