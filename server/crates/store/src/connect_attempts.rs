//! Tries at authorising within a connect session.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{
    Scope,
    connect::{AttemptState, Display, Failure, Unknown},
};
use ids::{AttemptId, ConnectSessionId, EnvironmentId, IntegrationId, TenantId};

use crate::{StoreError, System, Tx, json, schema::connect_attempts};

/// An attempt.
#[derive(Debug, Clone)]
pub struct AttemptRow {
    /// Its id.
    pub id: AttemptId,
    /// The session it belongs to.
    pub session: ConnectSessionId,
    /// What was picked.
    pub integration: IntegrationId,
    /// Where it stands, but for time.
    pub state: AttemptState,
    /// Where the provider's page was opened.
    pub display: Display,
    /// SHA-256 of the cookie that binds it to its browser.
    pub browser_hash: Vec<u8>,
    /// What the flow keeps until its end, sealed.
    pub kept: Option<Vec<u8>>,
    /// What the end user filled in.
    pub variables: BTreeMap<String, String>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// From when on the callback is refused.
    pub expires_at: DateTime<Utc>,
}

/// What the callback brings, to be compared with what was stored.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// SHA-256 of the state parameter.
    pub state_hash: &'a [u8],
    /// SHA-256 of the browser's cookie.
    pub browser_hash: &'a [u8],
    /// The integration in the callback's path.
    pub integration: IntegrationId,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = connect_attempts, check_for_backend(diesel::pg::Pg))]
struct AttemptColumns {
    attempt_id: AttemptId,
    connect_session_id: ConnectSessionId,
    integration_id: IntegrationId,
    state: String,
    display: String,
    browser_hash: Vec<u8>,
    kept: Option<Vec<u8>>,
    variables: serde_json::Value,
    failure_code: Option<String>,
    failure_detail: Option<String>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl TryFrom<AttemptColumns> for AttemptRow {
    type Error = StoreError;

    fn try_from(row: AttemptColumns) -> Result<Self, StoreError> {
        let corrupt = |error: Unknown| StoreError::Corrupt { table: "connect_attempts", what: error.to_string() };
        Ok(Self {
            id: row.attempt_id,
            session: row.connect_session_id,
            integration: row.integration_id,
            state: AttemptState::from_parts(&row.state, row.failure_code.as_deref(), row.failure_detail.as_deref())
                .map_err(corrupt)?,
            display: row.display.parse().map_err(corrupt)?,
            browser_hash: row.browser_hash,
            kept: row.kept,
            variables: json::texts("connect_attempts", "variables", row.variables)?,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}

/// The attempts of one environment.
pub struct ConnectAttempts<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The attempts of this environment.
    pub fn connect_attempts(&mut self) -> ConnectAttempts<'_> {
        let scope = self.scope();
        ConnectAttempts { connection: self.connection(), scope }
    }
}

impl Tx<System> {
    /// Takes the attempt that a callback belongs to, once: only a pending one, begun by the same browser, for the same
    /// integration, in time. Whatever does not match gives `None` and changes nothing. One statement, so that of two
    /// callbacks at once one gets it.
    ///
    /// # Errors
    /// The query failed.
    pub async fn consume_attempt(
        &mut self,
        presented: Presented<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<(Scope, AttemptRow)>, StoreError> {
        let theirs = connect_attempts::table
            .filter(connect_attempts::state_hash.eq(presented.state_hash))
            .filter(connect_attempts::state.eq("pending"))
            .filter(connect_attempts::browser_hash.eq(presented.browser_hash))
            .filter(connect_attempts::integration_id.eq(presented.integration))
            .filter(connect_attempts::expires_at.gt(now));
        let taken = diesel::update(theirs)
            .set(connect_attempts::state.eq("consumed"))
            .returning((
                (connect_attempts::tenant_id, connect_attempts::environment_id),
                AttemptColumns::as_returning(),
            ))
            .get_result::<((TenantId, EnvironmentId), AttemptColumns)>(self.connection())
            .await
            .optional()?;
        taken.map(|((tenant, environment), row)| Ok((Scope { tenant, environment }, row.try_into()?))).transpose()
    }

    /// The attempt of a state parameter, to say why a callback was refused.
    ///
    /// # Errors
    /// The query failed.
    pub async fn attempt_by_state(&mut self, state_hash: &[u8]) -> Result<Option<(Scope, AttemptRow)>, StoreError> {
        let found = connect_attempts::table
            .filter(connect_attempts::state_hash.eq(state_hash))
            .select(((connect_attempts::tenant_id, connect_attempts::environment_id), AttemptColumns::as_select()))
            .first::<((TenantId, EnvironmentId), AttemptColumns)>(self.connection())
            .await
            .optional()?;
        found.map(|((tenant, environment), row)| Ok((Scope { tenant, environment }, row.try_into()?))).transpose()
    }
}

type Of = diesel::dsl::And<
    diesel::dsl::And<
        diesel::dsl::Eq<connect_attempts::tenant_id, TenantId>,
        diesel::dsl::Eq<connect_attempts::environment_id, EnvironmentId>,
    >,
    diesel::dsl::Eq<connect_attempts::attempt_id, AttemptId>,
>;

impl ConnectAttempts<'_> {
    fn of(&self, id: AttemptId) -> Of {
        connect_attempts::tenant_id
            .eq(self.scope.tenant)
            .and(connect_attempts::environment_id.eq(self.scope.environment))
            .and(connect_attempts::attempt_id.eq(id))
    }

    /// Adds a pending one.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn insert(&mut self, row: &AttemptRow, state_hash: &[u8]) -> Result<(), StoreError> {
        diesel::insert_into(connect_attempts::table)
            .values((
                connect_attempts::attempt_id.eq(row.id),
                connect_attempts::tenant_id.eq(self.scope.tenant),
                connect_attempts::environment_id.eq(self.scope.environment),
                connect_attempts::connect_session_id.eq(row.session),
                connect_attempts::integration_id.eq(row.integration),
                connect_attempts::state.eq("pending"),
                connect_attempts::display.eq(row.display.as_str()),
                connect_attempts::state_hash.eq(state_hash),
                connect_attempts::browser_hash.eq(&row.browser_hash),
                connect_attempts::kept.eq(&row.kept),
                connect_attempts::variables.eq(json::object(&row.variables)),
                connect_attempts::created_at.eq(row.created_at),
                connect_attempts::expires_at.eq(row.expires_at),
            ))
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// The latest of a session.
    ///
    /// # Errors
    /// The query failed.
    pub async fn latest(&mut self, session: ConnectSessionId) -> Result<Option<AttemptRow>, StoreError> {
        connect_attempts::table
            .filter(
                connect_attempts::tenant_id
                    .eq(self.scope.tenant)
                    .and(connect_attempts::environment_id.eq(self.scope.environment))
                    .and(connect_attempts::connect_session_id.eq(session)),
            )
            .select(AttemptColumns::as_select())
            .order(connect_attempts::attempt_id.desc())
            .first(self.connection)
            .await
            .optional()?
            .map(TryInto::try_into)
            .transpose()
    }

    /// The pending one of that id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none, or it is not pending any more.
    pub async fn pending(&mut self, id: AttemptId) -> Result<AttemptRow, StoreError> {
        connect_attempts::table
            .filter(self.of(id))
            .filter(connect_attempts::state.eq("pending"))
            .select(AttemptColumns::as_select())
            .first(self.connection)
            .await?
            .try_into()
    }

    /// Takes the pending one of that id.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] if it is not pending.
    pub async fn consume(&mut self, id: AttemptId) -> Result<(), StoreError> {
        let pending = connect_attempts::table.filter(self.of(id)).filter(connect_attempts::state.eq("pending"));
        let changed =
            diesel::update(pending).set(connect_attempts::state.eq("consumed")).execute(self.connection).await?;
        if changed == 0 { Err(StoreError::Superseded("the attempt")) } else { Ok(()) }
    }

    /// Replaces what the pending one keeps.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] if it is not pending.
    pub async fn keep(&mut self, id: AttemptId, sealed: &[u8]) -> Result<(), StoreError> {
        let pending = connect_attempts::table.filter(self.of(id)).filter(connect_attempts::state.eq("pending"));
        let changed = diesel::update(pending).set(connect_attempts::kept.eq(sealed)).execute(self.connection).await?;
        if changed == 0 { Err(StoreError::Superseded("the attempt")) } else { Ok(()) }
    }

    /// Ends a consumed one: connected, or failed for a reason. What it kept is wiped.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] if it is not consumed.
    pub async fn finish(
        &mut self,
        id: AttemptId,
        failure: Option<&Failure>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let consumed = connect_attempts::table.filter(self.of(id)).filter(connect_attempts::state.eq("consumed"));
        let changed = diesel::update(consumed)
            .set((
                connect_attempts::state.eq(if failure.is_some() { "failed" } else { "connected" }),
                connect_attempts::failure_code.eq(failure.map(|failure| failure.code.as_str())),
                connect_attempts::failure_detail.eq(failure.map(|failure| &failure.detail)),
                connect_attempts::kept.eq(None::<Vec<u8>>),
                connect_attempts::finished_at.eq(now),
            ))
            .execute(self.connection)
            .await?;
        if changed == 0 { Err(StoreError::Superseded("the attempt")) } else { Ok(()) }
    }
}
