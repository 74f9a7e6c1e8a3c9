//! Syncs: what is pulled, where it stands and when it is due.

mod variants;
mod webhooks;

use chrono::{DateTime, Utc};
use diesel::{dsl::case_when, prelude::*};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    Scope,
    connection::Health,
    run::{RunState, SyncMode},
    schedule::{CronTimes, Schedule},
};
use ids::{ConnectionId, EnvironmentId, RunId, SyncId, TenantId};

use crate::{
    StoreError, Tx,
    schema::{connections, runs, syncs},
    words::{count, word},
};

/// A sync to make.
#[derive(Debug, Clone)]
pub struct NewSync {
    /// Its id, unless the stream has a sync already.
    pub id: SyncId,
    /// The stream.
    pub stream: String,
    /// How it is pulled.
    pub mode: SyncMode,
    /// Seconds between runs.
    pub every_seconds: u32,
    /// How far back a pull from the beginning goes; all there is if absent. A sync that is there already keeps its own.
    pub since: Option<DateTime<Utc>>,
    /// When it is due by its schedule; the first run is the caller's to put into the queue.
    pub next_run_at: DateTime<Utc>,
}

/// A sync.
#[derive(Debug, Clone)]
pub struct SyncRow {
    /// Its id.
    pub id: SyncId,
    /// Whose account is pulled.
    pub connection: ConnectionId,
    /// The stream.
    pub stream: String,
    /// Its name among several syncs of the stream; empty for the one that every connection has.
    pub variant: String,
    /// What the plugin is told for this sync alone, a JSON object.
    pub params: serde_json::Value,
    /// How far back a pull from the beginning goes.
    pub since: Option<DateTime<Utc>>,
    /// How it is pulled.
    pub mode: SyncMode,
    /// When it runs by itself.
    pub schedule: Schedule,
    /// Whether the tenant set that; else it is the manifest's.
    pub has_own_schedule: bool,
    /// Whether the next run is a full one, whatever the mode.
    pub begins_anew: bool,
    /// Ids of records that are gone, as a webhook said; the next run begins with them.
    pub gone: Vec<String>,
    /// Since when it is paused.
    pub paused_at: Option<DateTime<Utc>>,
    /// Where the next page begins.
    pub cursor: Option<String>,
    /// The highest number given to a change.
    pub last_seq: i64,
    /// When it is due.
    pub next_run_at: DateTime<Utc>,
    /// Failed runs in a row.
    pub failures: u32,
    /// The latest run.
    pub last_run: Option<LastRun>,
}

/// The latest run of a sync, in short.
#[derive(Debug, Clone, Copy)]
pub struct LastRun {
    /// Its id.
    pub id: RunId,
    /// Where it stands.
    pub state: RunState,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = syncs, check_for_backend(diesel::pg::Pg))]
struct SyncColumns {
    sync_id: SyncId,
    connection_id: ConnectionId,
    stream: String,
    variant: String,
    params: serde_json::Value,
    since: Option<DateTime<Utc>>,
    mode: String,
    every_seconds: i32,
    cron: Option<String>,
    time_zone: Option<String>,
    has_own_schedule: bool,
    begins_anew: bool,
    gone: Vec<String>,
    paused_at: Option<DateTime<Utc>>,
    cursor: Option<String>,
    last_seq: i64,
    next_run_at: DateTime<Utc>,
    failures: i32,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = runs, check_for_backend(diesel::pg::Pg))]
struct LastRunColumns {
    run_id: RunId,
    state: String,
    started_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

pub(crate) fn schedule(every: i32, cron: Option<&str>, zone: Option<&str>) -> Result<Schedule, StoreError> {
    match cron.zip(zone) {
        None => Ok(Schedule::Every(count("syncs", every)?)),
        Some((cron, zone)) => CronTimes::parse(cron, zone)
            .map(Schedule::Cron)
            .map_err(|error| StoreError::Corrupt { table: "syncs", what: error.to_string() }),
    }
}

fn read((sync, run): (SyncColumns, Option<LastRunColumns>)) -> Result<SyncRow, StoreError> {
    let last_run = run.map(|run| {
        word("runs", &run.state, RunState::parse).map(|state| LastRun {
            id: run.run_id,
            state,
            started_at: run.started_at,
            finished_at: run.finished_at,
        })
    });
    Ok(SyncRow {
        id: sync.sync_id,
        connection: sync.connection_id,
        stream: sync.stream,
        variant: sync.variant,
        params: sync.params,
        since: sync.since,
        mode: word("syncs", &sync.mode, SyncMode::parse)?,
        schedule: schedule(sync.every_seconds, sync.cron.as_deref(), sync.time_zone.as_deref())?,
        has_own_schedule: sync.has_own_schedule,
        begins_anew: sync.begins_anew,
        gone: sync.gone,
        paused_at: sync.paused_at,
        cursor: sync.cursor,
        last_seq: sync.last_seq,
        next_run_at: sync.next_run_at,
        failures: count("syncs", sync.failures)?,
        last_run: last_run.transpose()?,
    })
}

/// The syncs of one environment.
pub struct Syncs<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The syncs of this environment.
    pub fn syncs(&mut self) -> Syncs<'_> {
        let scope = self.scope();
        Syncs { connection: self.connection(), scope }
    }
}

crate::walls::of_environment!(fn mine, syncs);

#[diesel::dsl::auto_type(no_type_alias)]
fn with_last_run() -> _ {
    syncs::table.left_join(runs::table.on(syncs::last_run_id.eq(runs::run_id.nullable())))
}

impl Syncs<'_> {
    /// Makes the syncs that a connection lacks, and forgets the failures of those that it has, variants too. Gives the ids of
    /// all, in the order of the streams given. Whoever calls this has them run at once; `next_run_at` is an interval later, for one that were due
    /// now would be put into the queue a second time.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn ensure(
        &mut self,
        connection: ConnectionId,
        wanted: &[NewSync],
        now: DateTime<Utc>,
    ) -> Result<Vec<SyncId>, StoreError> {
        let mut ids = Vec::with_capacity(wanted.len());
        for sync in wanted {
            let (mode, every) = (sync.mode.as_str(), i32::try_from(sync.every_seconds).unwrap_or(i32::MAX));
            let id = diesel::insert_into(syncs::table)
                .values((
                    syncs::sync_id.eq(sync.id),
                    syncs::tenant_id.eq(self.scope.tenant),
                    syncs::environment_id.eq(self.scope.environment),
                    syncs::connection_id.eq(connection),
                    syncs::stream.eq(&sync.stream),
                    syncs::mode.eq(mode),
                    syncs::every_seconds.eq(every),
                    syncs::since.eq(sync.since),
                    syncs::next_run_at.eq(sync.next_run_at),
                    syncs::created_at.eq(now),
                ))
                .on_conflict((syncs::connection_id, syncs::stream, syncs::variant))
                .do_update()
                .set((
                    syncs::mode.eq(mode),
                    syncs::every_seconds.eq(case_when(syncs::has_own_schedule, syncs::every_seconds).otherwise(every)),
                    syncs::next_run_at.eq(sync.next_run_at),
                    syncs::failures.eq(0),
                ))
                .returning(syncs::sync_id)
                .get_result(self.connection)
                .await?;
            ids.push(id);
            ids.extend(self.repaired_variants(connection, sync).await?);
        }
        Ok(ids)
    }

    /// The sync of that id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&mut self, id: SyncId) -> Result<SyncRow, StoreError> {
        let row = with_last_run()
            .filter(mine(self.scope))
            .filter(syncs::sync_id.eq(id))
            .select((SyncColumns::as_select(), Option::<LastRunColumns>::as_select()))
            .first(self.connection)
            .await?;
        read(row)
    }

    /// The same, locked until the transaction ends: whoever changes its records or its runs does this first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn lock(&mut self, id: SyncId) -> Result<SyncRow, StoreError> {
        let row = syncs::table
            .filter(mine(self.scope))
            .filter(syncs::sync_id.eq(id))
            .select(SyncColumns::as_select())
            .for_update()
            .first(self.connection)
            .await?;
        read((row, None))
    }

    /// The same, for a run that may begin. Gives also whether the connection is active.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn lock_to_run(&mut self, id: SyncId) -> Result<(SyncRow, bool), StoreError> {
        let is_active = connections::table
            .filter(connections::connection_id.eq(syncs::connection_id))
            .select(connections::health.eq(Health::Active.as_str()))
            .single_value();
        let (row, is_active) = syncs::table
            .filter(mine(self.scope))
            .filter(syncs::sync_id.eq(id))
            .select((SyncColumns::as_select(), is_active))
            .for_update()
            .first::<(SyncColumns, Option<bool>)>(self.connection)
            .await?;
        Ok((read((row, None))?, is_active.unwrap_or_default()))
    }

    /// Syncs in the order of their ids, of one connection or of all, after one of them.
    ///
    /// # Errors
    /// The query failed.
    pub async fn list(
        &mut self,
        connection: Option<ConnectionId>,
        after: Option<SyncId>,
        limit: i64,
    ) -> Result<Vec<SyncRow>, StoreError> {
        let mut query = with_last_run()
            .filter(mine(self.scope))
            .select((SyncColumns::as_select(), Option::<LastRunColumns>::as_select()))
            .order(syncs::sync_id)
            .limit(limit)
            .into_boxed();
        if let Some(connection) = connection {
            query = query.filter(syncs::connection_id.eq(connection));
        }
        if let Some(after) = after {
            query = query.filter(syncs::sync_id.gt(after));
        }
        query.load(self.connection).await?.into_iter().map(read).collect()
    }

    /// Pauses it, or lets it go on with `None`; what it was due for meanwhile, it is due for then.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_paused(&mut self, id: SyncId, paused_at: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        let changed = diesel::update(syncs::table.filter(mine(self.scope)).filter(syncs::sync_id.eq(id)))
            .set(syncs::paused_at.eq(paused_at))
            .execute(self.connection)
            .await?;
        if changed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }

    /// Nothing of the connection is due any more: it is being deleted.
    ///
    /// # Errors
    /// The update failed.
    pub async fn stop_for_connection(
        &mut self,
        connection: ConnectionId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        diesel::update(
            syncs::table
                .filter(mine(self.scope))
                .filter(syncs::connection_id.eq(connection).and(syncs::paused_at.is_null())),
        )
        .set(syncs::paused_at.eq(now))
        .execute(self.connection)
        .await?;
        Ok(())
    }

    /// Sets when it runs by itself: as the tenant wants it, or as the manifest has it again. Says when that is for the first
    /// time.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_schedule(
        &mut self,
        id: SyncId,
        schedule: &Schedule,
        is_own: bool,
        next_run_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let (every, cron) = match schedule {
            Schedule::Every(seconds) => (Some(i32::try_from(*seconds).unwrap_or(i32::MAX)), None),
            Schedule::Cron(times) => (None, Some(times)),
        };
        let one = syncs::table.filter(mine(self.scope)).filter(syncs::sync_id.eq(id));
        let changed = diesel::update(one)
            .set((
                // What is `None` stays; it is the interval of before, and not in force beside an expression.
                every.map(|every| syncs::every_seconds.eq(every)),
                syncs::cron.eq(cron.map(CronTimes::expression)),
                syncs::time_zone.eq(cron.map(CronTimes::zone)),
                syncs::has_own_schedule.eq(is_own),
                syncs::next_run_at.eq(next_run_at),
            ))
            .execute(self.connection)
            .await?;
        if changed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }

    /// The next run is a full one, whatever the mode.
    ///
    /// # Errors
    /// The update failed.
    pub async fn begin_anew(&mut self, id: SyncId) -> Result<(), StoreError> {
        let one = syncs::table.filter(mine(self.scope)).filter(syncs::sync_id.eq(id));
        diesel::update(one).set(syncs::begins_anew.eq(true)).execute(self.connection).await?;
        Ok(())
    }

    /// Moves the cursor by hand; pages move it as they commit.
    ///
    /// # Errors
    /// The update failed.
    pub async fn set_cursor(&mut self, id: SyncId, cursor: Option<&str>) -> Result<(), StoreError> {
        let one = syncs::table.filter(mine(self.scope)).filter(syncs::sync_id.eq(id));
        diesel::update(one).set(syncs::cursor.eq(cursor)).execute(self.connection).await?;
        Ok(())
    }

    /// A run failed: when the next is due, and how many failed in a row.
    ///
    /// # Errors
    /// The update failed.
    pub async fn run_failed(
        &mut self,
        id: SyncId,
        next_run_at: DateTime<Utc>,
        failures: u32,
    ) -> Result<(), StoreError> {
        diesel::update(syncs::table.filter(mine(self.scope)).filter(syncs::sync_id.eq(id)))
            .set((syncs::next_run_at.eq(next_run_at), syncs::failures.eq(i32::try_from(failures).unwrap_or(i32::MAX))))
            .execute(self.connection)
            .await?;
        Ok(())
    }
}
