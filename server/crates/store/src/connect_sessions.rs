//! Short-lived grants to make or repair a connection.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    Scope,
    connect::{EndUser, SessionState},
};
use ids::{ConnectSessionId, ConnectionId, EnvironmentId, IntegrationId, TenantId};

use crate::{
    StoreError, System, Tx, json,
    schema::{connect_sessions, runs, syncs},
};

/// A connect session.
#[derive(Debug, Clone)]
pub struct ConnectSessionRow {
    /// Its id.
    pub id: ConnectSessionId,
    /// SHA-256 of its token.
    pub token_hash: Vec<u8>,
    /// For whom.
    pub end_user: EndUser,
    /// What may be picked; `None` for all of the environment.
    pub integrations: Option<Vec<IntegrationId>>,
    /// The connection to repair, if it is for that.
    pub reconnect: Option<ConnectionId>,
    /// Pages that may embed the connect page and hear its result.
    pub allowed_origins: Vec<String>,
    /// Where the same-tab flow ends.
    pub return_url: Option<String>,
    /// BCP 47 tag of the end user's language.
    pub language: Option<String>,
    /// Asked for instead of the integration's scopes.
    pub scopes: Option<Vec<String>>,
    /// Put on the connection that is made.
    pub tags: BTreeMap<String, String>,
    /// Where it stands, but for time.
    pub state: SessionState,
    /// What came of it.
    pub connection: Option<ConnectionId>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
}

/// How far the first sync of a connection is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FirstSync {
    /// Streams that are pulled.
    pub total: usize,
    /// Of those, whose latest run has ended.
    pub done: usize,
    /// Records that those runs brought.
    pub records: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = connect_sessions, check_for_backend(diesel::pg::Pg))]
struct SessionColumns {
    connect_session_id: ConnectSessionId,
    token_hash: Vec<u8>,
    end_user_id: String,
    end_user_name: Option<String>,
    integrations: Option<Vec<IntegrationId>>,
    reconnect_id: Option<ConnectionId>,
    allowed_origins: Vec<String>,
    return_url: Option<String>,
    language: Option<String>,
    scopes: Option<Vec<String>>,
    tags: serde_json::Value,
    state: String,
    connection_id: Option<ConnectionId>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl TryFrom<SessionColumns> for ConnectSessionRow {
    type Error = StoreError;

    fn try_from(row: SessionColumns) -> Result<Self, StoreError> {
        let state = row.state.parse().map_err(|error: domain::connect::Unknown| StoreError::Corrupt {
            table: "connect_sessions",
            what: error.to_string(),
        })?;
        Ok(Self {
            id: row.connect_session_id,
            token_hash: row.token_hash,
            end_user: EndUser { id: row.end_user_id, name: row.end_user_name },
            integrations: row.integrations,
            reconnect: row.reconnect_id,
            allowed_origins: row.allowed_origins,
            return_url: row.return_url,
            language: row.language,
            scopes: row.scopes,
            tags: json::texts("connect_sessions", "tags", row.tags)?,
            state,
            connection: row.connection_id,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}

/// The connect sessions of one environment.
pub struct ConnectSessions<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The connect sessions of this environment.
    pub fn connect_sessions(&mut self) -> ConnectSessions<'_> {
        let scope = self.scope();
        ConnectSessions { connection: self.connection(), scope }
    }
}

impl Tx<System> {
    /// The session of a token, and where it is: the connect page knows nothing else.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn connect_session_by_token(&mut self, hash: &[u8]) -> Result<(Scope, ConnectSessionRow), StoreError> {
        let ((tenant, environment), row): ((TenantId, EnvironmentId), SessionColumns) = connect_sessions::table
            .filter(connect_sessions::token_hash.eq(hash))
            .select(((connect_sessions::tenant_id, connect_sessions::environment_id), SessionColumns::as_select()))
            .first(self.connection())
            .await?;
        Ok((Scope { tenant, environment }, row.try_into()?))
    }

    /// The pages that may frame a session's page. Its id is in the page's path, which is asked for before any token is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn frame_ancestors(&mut self, id: ConnectSessionId) -> Result<Vec<String>, StoreError> {
        let origins = connect_sessions::table.find(id).select(connect_sessions::allowed_origins);
        Ok(origins.first(self.connection()).await?)
    }
}

crate::walls::of_environment!(fn mine, connect_sessions);

impl ConnectSessions<'_> {
    /// Adds one.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn insert(&mut self, row: &ConnectSessionRow) -> Result<(), StoreError> {
        diesel::insert_into(connect_sessions::table)
            .values((
                connect_sessions::connect_session_id.eq(row.id),
                connect_sessions::tenant_id.eq(self.scope.tenant),
                connect_sessions::environment_id.eq(self.scope.environment),
                connect_sessions::token_hash.eq(&row.token_hash),
                connect_sessions::end_user_id.eq(&row.end_user.id),
                connect_sessions::end_user_name.eq(&row.end_user.name),
                connect_sessions::integrations.eq(&row.integrations),
                connect_sessions::reconnect_id.eq(row.reconnect),
                connect_sessions::allowed_origins.eq(&row.allowed_origins),
                connect_sessions::return_url.eq(&row.return_url),
                connect_sessions::language.eq(&row.language),
                connect_sessions::scopes.eq(&row.scopes),
                connect_sessions::tags.eq(json::object(&row.tags)),
                connect_sessions::state.eq(row.state.as_str()),
                connect_sessions::created_at.eq(row.created_at),
                connect_sessions::expires_at.eq(row.expires_at),
            ))
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// The one of that id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&mut self, id: ConnectSessionId) -> Result<ConnectSessionRow, StoreError> {
        connect_sessions::table
            .filter(mine(self.scope))
            .filter(connect_sessions::connect_session_id.eq(id))
            .select(SessionColumns::as_select())
            .first(self.connection)
            .await?
            .try_into()
    }

    /// The one of that id, held against changes until the end of the transaction.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn lock(&mut self, id: ConnectSessionId) -> Result<ConnectSessionRow, StoreError> {
        connect_sessions::table
            .filter(mine(self.scope))
            .filter(connect_sessions::connect_session_id.eq(id))
            .select(SessionColumns::as_select())
            .for_update()
            .first(self.connection)
            .await?
            .try_into()
    }

    /// Ends an open one. Gives whether it was open.
    ///
    /// # Errors
    /// The query failed.
    pub async fn end(
        &mut self,
        id: ConnectSessionId,
        state: SessionState,
        connection: Option<ConnectionId>,
    ) -> Result<bool, StoreError> {
        let open = connect_sessions::table
            .filter(mine(self.scope))
            .filter(connect_sessions::connect_session_id.eq(id))
            .filter(connect_sessions::state.eq(SessionState::Open.as_str()));
        let changed = diesel::update(open)
            .set((connect_sessions::state.eq(state.as_str()), connect_sessions::connection_id.eq(connection)))
            .execute(self.connection)
            .await?;
        Ok(changed > 0)
    }

    /// How far the first sync of the connection that was made is.
    ///
    /// # Errors
    /// The query failed.
    pub async fn first_sync(&mut self, connection: ConnectionId) -> Result<FirstSync, StoreError> {
        let rows: Vec<(Option<String>, Option<i64>)> = syncs::table
            .left_join(runs::table.on(runs::run_id.nullable().eq(syncs::last_run_id)))
            .filter(syncs::tenant_id.eq(self.scope.tenant).and(syncs::environment_id.eq(self.scope.environment)))
            .filter(syncs::connection_id.eq(connection))
            .select((runs::state.nullable(), (runs::added + runs::updated).nullable()))
            .load(self.connection)
            .await?;
        Ok(FirstSync {
            total: rows.len(),
            done: rows.iter().filter(|(state, _)| state.as_deref().is_some_and(|state| state != "running")).count(),
            records: rows.iter().filter_map(|(_, records)| *records).sum(),
        })
    }
}
