//! Calls of actions.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{Scope, action::ActionState, run::Blame};
use ids::{ActionRunId, ConnectionId, EnvironmentId, TenantId};

use crate::{
    RunFailure, StoreError, Tx,
    schema::action_runs,
    words::{count, word},
};

/// A call of an action.
#[derive(Debug, Clone)]
pub struct ActionRunRow {
    /// Its id.
    pub id: ActionRunId,
    /// Whose account it is performed on.
    pub connection: ConnectionId,
    /// The action's name.
    pub action: String,
    /// Whether the caller went away after it was accepted.
    pub is_async: bool,
    /// Where it stands.
    pub state: ActionState,
    /// Which input it was, where the caller gave a key.
    pub input_digest: Option<Vec<u8>>,
    /// What goes in, sealed, until it is over.
    pub input: Option<Vec<u8>>,
    /// What came out, sealed.
    pub output: Option<Vec<u8>>,
    /// How often it was begun.
    pub tries: u32,
    /// Raised each time somebody takes it up.
    pub fence: i64,
    /// Why it did not succeed.
    pub error: Option<RunFailure>,
    /// Not before so many seconds after its end.
    pub retry_after_seconds: Option<u32>,
    /// When it was taken.
    pub created_at: DateTime<Utc>,
    /// When the plugin was last called for it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub finished_at: Option<DateTime<Utc>>,
    /// Since when what came out is not kept any more.
    pub forgotten_at: Option<DateTime<Utc>>,
}

/// A call to add.
#[derive(Debug, Clone)]
pub struct NewActionRun<'a> {
    /// Its id.
    pub id: ActionRunId,
    /// Whose account.
    pub connection: ConnectionId,
    /// The action's name.
    pub action: &'a str,
    /// Whether a worker performs it.
    pub is_async: bool,
    /// Hash of the caller's key, and the digest of what it came with.
    pub key: Option<(&'a [u8], &'a [u8])>,
    /// What goes in, sealed; none where it is performed at once.
    pub input: Option<&'a [u8]>,
    /// Who calls.
    pub actor: &'a str,
}

/// A call in somebody's hands. Everything that is written about it checks the fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionFence {
    /// The call.
    pub run: ActionRunId,
    /// The number that was given when it was taken up.
    pub number: i64,
}

/// How a call ended.
#[derive(Debug, Clone)]
pub struct ActionEnd {
    /// One of the final states.
    pub state: ActionState,
    /// What came out, sealed, if it is kept.
    pub output: Option<Vec<u8>>,
    /// Whether something came out that is not kept.
    pub is_forgotten: bool,
    /// Why it did not succeed.
    pub error: Option<RunFailure>,
    /// Not before so many seconds from now.
    pub retry_after_seconds: Option<u32>,
}

/// Which calls to list.
#[derive(Debug, Clone, Default)]
pub struct ActionRunFilter {
    /// Of this connection.
    pub connection: Option<ConnectionId>,
    /// Of this action.
    pub action: Option<String>,
    /// In this state.
    pub state: Option<ActionState>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = action_runs, check_for_backend(diesel::pg::Pg))]
struct Columns {
    action_run_id: ActionRunId,
    connection_id: ConnectionId,
    action: String,
    is_async: bool,
    state: String,
    input_digest: Option<Vec<u8>>,
    input: Option<Vec<u8>>,
    output: Option<Vec<u8>>,
    tries: i32,
    fence: i64,
    error_code: Option<String>,
    error_message: Option<String>,
    blame: Option<String>,
    retry_after_seconds: Option<i32>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    forgotten_at: Option<DateTime<Utc>>,
}

fn read(row: Columns) -> Result<ActionRunRow, StoreError> {
    let blame = row.blame.map(|blame| word("action_runs", &blame, Blame::parse)).transpose()?;
    let error = match (row.error_code, row.error_message, blame) {
        (Some(code), Some(message), Some(blame)) => Some(RunFailure { code, message, blame }),
        _ => None,
    };
    Ok(ActionRunRow {
        id: row.action_run_id,
        connection: row.connection_id,
        action: row.action,
        is_async: row.is_async,
        state: word("action_runs", &row.state, ActionState::parse)?,
        input_digest: row.input_digest,
        input: row.input,
        output: row.output,
        tries: count("action_runs", row.tries)?,
        fence: row.fence,
        error,
        retry_after_seconds: row.retry_after_seconds.map(|seconds| count("action_runs", seconds)).transpose()?,
        created_at: row.created_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        forgotten_at: row.forgotten_at,
    })
}

/// The calls of one environment.
pub struct ActionRuns<'t> {
    pub(crate) connection: &'t mut AsyncPgConnection,
    pub(crate) scope: Scope,
}

impl Tx<Scope> {
    /// The calls of actions of this environment.
    pub fn action_runs(&mut self) -> ActionRuns<'_> {
        let scope = self.scope();
        ActionRuns { connection: self.connection(), scope }
    }
}

crate::walls::of_environment!(fn mine, action_runs);

#[diesel::dsl::auto_type(no_type_alias)]
fn held(fence: ActionFence) -> _ {
    let (run, number): (ActionRunId, i64) = (fence.run, fence.number);
    action_runs::table
        .filter(action_runs::action_run_id.eq(run))
        .filter(action_runs::fence.eq(number))
        .filter(action_runs::finished_at.is_null())
}

const SUPERSEDED: StoreError = StoreError::Superseded("somebody else has this call now, or it is over");

impl ActionRuns<'_> {
    /// Takes a call, as accepted. Gives false, and adds nothing, if one of the connection came with the same key.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn insert(&mut self, new: &NewActionRun<'_>, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let added = diesel::insert_into(action_runs::table)
            .values((
                action_runs::action_run_id.eq(new.id),
                action_runs::tenant_id.eq(self.scope.tenant),
                action_runs::environment_id.eq(self.scope.environment),
                action_runs::connection_id.eq(new.connection),
                action_runs::action.eq(new.action),
                action_runs::is_async.eq(new.is_async),
                action_runs::state.eq(ActionState::Accepted.as_str()),
                action_runs::key_hash.eq(new.key.map(|(hash, _)| hash)),
                action_runs::input_digest.eq(new.key.map(|(_, digest)| digest)),
                action_runs::input.eq(new.input),
                action_runs::actor.eq(new.actor),
                action_runs::created_at.eq(now),
            ))
            .on_conflict_do_nothing()
            .execute(self.connection)
            .await?;
        Ok(added > 0)
    }

    /// The call of a connection that came with this key, if there is one.
    ///
    /// # Errors
    /// The query failed.
    pub async fn of_key(
        &mut self,
        connection: ConnectionId,
        key_hash: &[u8],
    ) -> Result<Option<ActionRunRow>, StoreError> {
        let one = action_runs::table
            .filter(mine(self.scope))
            .filter(action_runs::connection_id.eq(connection).and(action_runs::key_hash.eq(key_hash)));
        one.select(Columns::as_select()).first(self.connection).await.optional()?.map(read).transpose()
    }

    /// The call of that id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&mut self, id: ActionRunId) -> Result<ActionRunRow, StoreError> {
        let one = action_runs::table.filter(mine(self.scope)).filter(action_runs::action_run_id.eq(id));
        read(one.select(Columns::as_select()).first(self.connection).await?)
    }

    /// The same, kept as it is until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn lock(&mut self, id: ActionRunId) -> Result<ActionRunRow, StoreError> {
        let one = action_runs::table.filter(mine(self.scope)).filter(action_runs::action_run_id.eq(id));
        read(one.select(Columns::as_select()).for_no_key_update().first(self.connection).await?)
    }

    /// Takes a call up, with its row locked: from here on something may be sent, and whoever had it before is fenced off.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] if it is over.
    pub async fn take_up(&mut self, id: ActionRunId, now: DateTime<Utc>) -> Result<ActionFence, StoreError> {
        let one = action_runs::table
            .filter(mine(self.scope))
            .filter(action_runs::action_run_id.eq(id).and(action_runs::finished_at.is_null()));
        let number: Option<i64> = diesel::update(one)
            .set((
                action_runs::state.eq(ActionState::Running.as_str()),
                action_runs::fence.eq(action_runs::fence + 1),
                action_runs::tries.eq(action_runs::tries + 1),
                action_runs::started_at.eq(now),
            ))
            .returning(action_runs::fence)
            .get_result(self.connection)
            .await
            .optional()?;
        number.map(|number| ActionFence { run: id, number }).ok_or(SUPERSEDED)
    }

    /// Ends a call. What went in is forgotten.
    ///
    /// # Errors
    /// [`StoreError::Superseded`].
    pub async fn end(&mut self, fence: ActionFence, end: &ActionEnd, now: DateTime<Utc>) -> Result<(), StoreError> {
        let retry_after = end.retry_after_seconds.map(|seconds| i32::try_from(seconds).unwrap_or(i32::MAX));
        let changed = diesel::update(held(fence))
            .set((
                action_runs::state.eq(end.state.as_str()),
                action_runs::input.eq(None::<Vec<u8>>),
                action_runs::output.eq(end.output.as_deref()),
                action_runs::error_code.eq(end.error.as_ref().map(|error| error.code.as_str())),
                action_runs::error_message.eq(end.error.as_ref().map(|error| error.message.as_str())),
                action_runs::blame.eq(end.error.as_ref().map(|error| error.blame.as_str())),
                action_runs::retry_after_seconds.eq(retry_after),
                action_runs::finished_at.eq(now),
                action_runs::forgotten_at.eq(end.is_forgotten.then_some(now)),
            ))
            .execute(self.connection)
            .await?;
        if changed == 0 { Err(SUPERSEDED) } else { Ok(()) }
    }

    /// Calls, the latest first, before one of them.
    ///
    /// # Errors
    /// The query failed.
    pub async fn list(
        &mut self,
        filter: &ActionRunFilter,
        before: Option<ActionRunId>,
        limit: i64,
    ) -> Result<Vec<ActionRunRow>, StoreError> {
        let mut query = action_runs::table
            .filter(mine(self.scope))
            .select(Columns::as_select())
            .order(action_runs::action_run_id.desc())
            .limit(limit)
            .into_boxed();
        if let Some(connection) = filter.connection {
            query = query.filter(action_runs::connection_id.eq(connection));
        }
        if let Some(action) = &filter.action {
            query = query.filter(action_runs::action.eq(action));
        }
        if let Some(state) = filter.state {
            query = query.filter(action_runs::state.eq(state.as_str()));
        }
        if let Some(before) = before {
            query = query.filter(action_runs::action_run_id.lt(before));
        }
        query.load(self.connection).await?.into_iter().map(read).collect()
    }
}
