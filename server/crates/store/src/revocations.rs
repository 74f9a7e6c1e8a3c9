//! What became of grants that were given back at their providers. A row outlives its connection.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Text, Timestamptz, Uuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{Scope, revocation::RevocationState};
use ids::{ConnectionId, EnvironmentId, IntegrationId, RevocationRunId, TenantId};

use crate::{
    StoreError, Tx, listen,
    schema::{credentials, revocations},
};

/// A revocation.
#[derive(Debug, Clone)]
pub struct RevocationRow {
    /// Whose grant; the connection may be gone.
    pub connection: ConnectionId,
    /// Its integration.
    pub integration: IntegrationId,
    /// The slug of its provider.
    pub provider: String,
    /// The tenant's own id of the end user.
    pub end_user: String,
    /// The provider's id of the account.
    pub account: Option<String>,
    /// The run that asked for it.
    pub run: Option<RevocationRunId>,
    /// Where it stands.
    pub state: RevocationState,
    /// The same in words.
    pub reason: String,
    /// How often the provider was asked in vain.
    pub tries: u32,
    /// When it is asked again.
    pub next_try_at: Option<DateTime<Utc>>,
    /// When somebody wanted it revoked.
    pub asked_at: DateTime<Utc>,
    /// When it was settled.
    pub finished_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = revocations, check_for_backend(diesel::pg::Pg))]
struct RevocationColumns {
    connection_id: ConnectionId,
    integration_id: IntegrationId,
    provider: String,
    end_user_id: String,
    account: Option<String>,
    revocation_run_id: Option<RevocationRunId>,
    state: String,
    reason: String,
    tries: i32,
    next_try_at: Option<DateTime<Utc>>,
    asked_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<RevocationColumns> for RevocationRow {
    type Error = StoreError;

    fn try_from(row: RevocationColumns) -> Result<Self, StoreError> {
        let corrupt = |error: domain::revocation::UnknownRevocationState| StoreError::Corrupt {
            table: "revocations",
            what: error.to_string(),
        };
        Ok(Self {
            connection: row.connection_id,
            integration: row.integration_id,
            provider: row.provider,
            end_user: row.end_user_id,
            account: row.account,
            run: row.revocation_run_id,
            state: row.state.parse().map_err(corrupt)?,
            reason: row.reason,
            tries: u32::try_from(row.tries).unwrap_or_default(),
            next_try_at: row.next_try_at,
            asked_at: row.asked_at,
            finished_at: row.finished_at,
        })
    }
}

/// Whether a credential is being renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// Nobody renews it.
    None,
    /// Somebody does.
    UnderWay,
    /// Somebody did, and nobody knows what came of it.
    InDoubt,
}

/// Which revocations to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct RevocationFilter {
    /// Of this run.
    pub run: Option<RevocationRunId>,
    /// Of this connection.
    pub connection: Option<ConnectionId>,
    /// In this state.
    pub state: Option<RevocationState>,
}

/// The revocations of one environment.
pub struct Revocations<'t> {
    pub(crate) connection: &'t mut AsyncPgConnection,
    pub(crate) scope: Scope,
}

impl Tx<Scope> {
    /// The revocations of this environment.
    pub fn revocations(&mut self) -> Revocations<'_> {
        let scope = self.scope();
        Revocations { connection: self.connection(), scope }
    }
}

crate::walls::of_environment!(fn mine, revocations);

impl Revocations<'_> {
    /// Somebody wants a connection's grant given back. What became of an earlier grant is forgotten if there is a new
    /// one; one that is pending already stays so.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn ask(&mut self, id: ConnectionId, now: DateTime<Utc>) -> Result<(), StoreError> {
        const SQL: &str = "
INSERT INTO revocations (connection_id, tenant_id, environment_id, integration_id, provider, end_user_id, account, state,
    reason, next_try_at, asked_at)
SELECT c.connection_id, c.tenant_id, c.environment_id, c.integration_id, i.provider, c.end_user_id, c.account, 'pending',
    'The provider has not been asked yet.', $4, $4
FROM connections c JOIN integrations i USING (integration_id)
WHERE c.connection_id = $1 AND c.tenant_id = $2 AND c.environment_id = $3
ON CONFLICT (connection_id) DO UPDATE SET state = 'pending', reason = excluded.reason, tries = 0,
    next_try_at = excluded.next_try_at, asked_at = excluded.asked_at, finished_at = NULL
WHERE revocations.state <> 'pending' AND EXISTS (SELECT FROM credentials k WHERE k.connection_id = $1)";
        diesel::sql_query(SQL)
            .bind::<Uuid, _>(id)
            .bind::<Uuid, _>(self.scope.tenant)
            .bind::<Uuid, _>(self.scope.environment)
            .bind::<Timestamptz, _>(now)
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// What became of it; gives whether that was open until now.
    ///
    /// # Errors
    /// The update failed.
    pub async fn settle(
        &mut self,
        id: ConnectionId,
        state: RevocationState,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let open = revocations::table
            .filter(mine(self.scope))
            .filter(revocations::connection_id.eq(id).and(revocations::state.eq(RevocationState::Pending.as_str())));
        let settled = diesel::update(open)
            .set((
                revocations::state.eq(state.as_str()),
                revocations::reason.eq(reason),
                revocations::next_try_at.eq(None::<DateTime<Utc>>),
                revocations::finished_at.eq(now),
            ))
            .execute(self.connection)
            .await?;
        Ok(settled > 0)
    }

    /// The provider is asked again later. `counts`: whether it was asked this time. Gives the tries that counted.
    ///
    /// # Errors
    /// The update failed.
    pub async fn put_off(
        &mut self,
        id: ConnectionId,
        reason: &str,
        next_try_at: DateTime<Utc>,
        counts: bool,
    ) -> Result<u32, StoreError> {
        let open = revocations::table
            .filter(mine(self.scope))
            .filter(revocations::connection_id.eq(id).and(revocations::state.eq(RevocationState::Pending.as_str())));
        let tries: Option<i32> = diesel::update(open)
            .set((
                revocations::reason.eq(reason),
                revocations::next_try_at.eq(next_try_at),
                revocations::tries.eq(revocations::tries + i32::from(counts)),
            ))
            .returning(revocations::tries)
            .get_result(self.connection)
            .await
            .optional()?;
        Ok(tries.and_then(|tries| u32::try_from(tries).ok()).unwrap_or_default())
    }

    /// What became of each of these connections' grants, where somebody asked.
    ///
    /// # Errors
    /// The query failed.
    pub async fn of(&mut self, ids: &[ConnectionId]) -> Result<Vec<RevocationRow>, StoreError> {
        revocations::table
            .filter(mine(self.scope))
            .filter(revocations::connection_id.eq_any(ids))
            .select(RevocationColumns::as_select())
            .load(self.connection)
            .await?
            .into_iter()
            .map(TryInto::try_into)
            .collect()
    }

    /// Revocations in the order of their connections' ids, the newest first, before one of them.
    ///
    /// # Errors
    /// The query failed.
    pub async fn list(
        &mut self,
        filter: RevocationFilter,
        before: Option<ConnectionId>,
        limit: i64,
    ) -> Result<Vec<RevocationRow>, StoreError> {
        let mut query = revocations::table
            .filter(mine(self.scope))
            .select(RevocationColumns::as_select())
            .order(revocations::connection_id.desc())
            .limit(limit)
            .into_boxed();
        if let Some(run) = filter.run {
            query = query.filter(revocations::revocation_run_id.eq(run));
        }
        if let Some(connection) = filter.connection {
            query = query.filter(revocations::connection_id.eq(connection));
        }
        if let Some(state) = filter.state {
            query = query.filter(revocations::state.eq(state.as_str()));
        }
        if let Some(before) = before {
            query = query.filter(revocations::connection_id.lt(before));
        }
        query.load(self.connection).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// Whether a connection's credential is being renewed.
    ///
    /// # Errors
    /// The query failed.
    pub async fn renewal(&mut self, id: ConnectionId) -> Result<Renewal, StoreError> {
        Ok(self.renewal_of(id, "").await?.map_or(Renewal::None, |(_, renewal)| renewal))
    }

    /// Whether a connection's credential is still of this generation and nobody is renewing it; held so until the end of
    /// the transaction.
    ///
    /// # Errors
    /// The query failed.
    pub async fn hold_credential(&mut self, id: ConnectionId, generation: i64) -> Result<bool, StoreError> {
        let held = self.renewal_of(id, "FOR UPDATE").await?;
        Ok(held.is_some_and(|(now_at, renewal)| now_at == generation && renewal != Renewal::UnderWay))
    }

    async fn renewal_of(&mut self, id: ConnectionId, lock: &str) -> Result<Option<(i64, Renewal)>, StoreError> {
        #[derive(QueryableByName)]
        struct Columns {
            #[diesel(sql_type = BigInt)]
            generation: i64,
            #[diesel(sql_type = Text)]
            refresh_state: String,
            #[diesel(sql_type = Bool)]
            is_over: bool,
        }
        // Leases go by the database's clock.
        let sql = format!(
            "SELECT generation, refresh_state, coalesce(lease_until <= clock_timestamp(), true) AS is_over FROM credentials
             WHERE tenant_id = $1 AND environment_id = $2 AND connection_id = $3 {lock}"
        );
        let found: Option<Columns> = diesel::sql_query(sql)
            .bind::<Uuid, _>(self.scope.tenant)
            .bind::<Uuid, _>(self.scope.environment)
            .bind::<Uuid, _>(id)
            .get_result(self.connection)
            .await
            .optional()?;
        Ok(found.map(|row| {
            let renewal = match (row.refresh_state.as_str(), row.is_over) {
                ("idle", _) => Renewal::None,
                ("under_way", false) => Renewal::UnderWay,
                _ => Renewal::InDoubt,
            };
            (row.generation, renewal)
        }))
    }

    /// Removes a connection's credential. Nodes that keep it in memory hear of it at commit.
    ///
    /// # Errors
    /// The delete failed.
    pub async fn wipe_credential(&mut self, id: ConnectionId) -> Result<(), StoreError> {
        let one = credentials::table
            .filter(credentials::tenant_id.eq(self.scope.tenant))
            .filter(credentials::environment_id.eq(self.scope.environment))
            .filter(credentials::connection_id.eq(id));
        diesel::delete(one).execute(self.connection).await?;
        listen::notify_changed(self.connection, id.uuid()).await
    }
}
