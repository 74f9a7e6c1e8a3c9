//! Revocations of many connections at once. What a run still has to do is what of its revocations is pending, so a run that
//! breaks off anywhere goes on from there.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;
use ids::{ConnectionId, EnvironmentId, IntegrationId, RevocationRunId, TenantId};

use crate::{
    StoreError, listen,
    revocations::Revocations,
    schema::{revocation_runs, revocations},
};

/// Which connections.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RevocationScope {
    /// Of this provider alone.
    pub provider: Option<String>,
    /// Of this integration alone.
    pub integration: Option<IntegrationId>,
    /// Made at or after this.
    pub since: Option<DateTime<Utc>>,
    /// Made before this.
    pub until: Option<DateTime<Utc>>,
}

/// A run.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = revocation_runs, check_for_backend(diesel::pg::Pg))]
pub struct RevocationRunRow {
    /// Its id.
    #[diesel(column_name = revocation_run_id)]
    pub id: RevocationRunId,
    /// Of this provider alone.
    pub provider: Option<String>,
    /// Of this integration alone.
    #[diesel(column_name = integration_id)]
    pub integration: Option<IntegrationId>,
    /// Made at or after this.
    #[diesel(column_name = made_since)]
    pub since: Option<DateTime<Utc>>,
    /// Made before this.
    #[diesel(column_name = made_until)]
    pub until: Option<DateTime<Utc>>,
    /// How many connections it stopped.
    pub total: i64,
    /// Who asked for it.
    pub actor: String,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When the last of them was settled.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Connections of one provider that a run would stop.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Concerned {
    /// The provider's slug.
    #[diesel(sql_type = Text)]
    pub provider: String,
    /// How many connections.
    #[diesel(sql_type = BigInt)]
    pub connections: i64,
}

/// Revocations of one provider in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateCount {
    /// The provider's slug.
    pub provider: String,
    /// The state's text.
    pub state: String,
    /// How many.
    pub count: i64,
}

/// Which connections are meant: `$1` and `$2` whose, `$3` to `$6` the scope.
const MEANT: &str = "c.tenant_id = $1 AND c.environment_id = $2 AND c.health NOT IN ('revoked', 'deleting')
    AND ($3::text IS NULL OR i.provider = $3) AND ($4::uuid IS NULL OR c.integration_id = $4)
    AND ($5::timestamptz IS NULL OR c.created_at >= $5) AND ($6::timestamptz IS NULL OR c.created_at < $6)";

type Mine = diesel::dsl::And<
    diesel::dsl::Eq<revocation_runs::tenant_id, TenantId>,
    diesel::dsl::Eq<revocation_runs::environment_id, EnvironmentId>,
>;

impl Revocations<'_> {
    fn runs(&self) -> Mine {
        revocation_runs::tenant_id.eq(self.scope.tenant).and(revocation_runs::environment_id.eq(self.scope.environment))
    }

    /// How many connections a run would stop, by provider.
    ///
    /// # Errors
    /// The query failed.
    pub async fn concerned(&mut self, scope: &RevocationScope) -> Result<Vec<Concerned>, StoreError> {
        let sql = format!(
            "SELECT i.provider, count(*) AS connections FROM connections c JOIN integrations i USING (integration_id)
             WHERE {MEANT} GROUP BY i.provider ORDER BY i.provider"
        );
        Ok(diesel::sql_query(sql)
            .bind::<Uuid, _>(self.scope.tenant)
            .bind::<Uuid, _>(self.scope.environment)
            .bind::<Nullable<Text>, _>(&scope.provider)
            .bind::<Nullable<Uuid>, _>(scope.integration)
            .bind::<Nullable<Timestamptz>, _>(scope.since)
            .bind::<Nullable<Timestamptz>, _>(scope.until)
            .load(self.connection)
            .await?)
    }

    /// Begins a run: all connections that are meant stop working with this transaction, and a revocation of each is
    /// pending. Gives how many.
    ///
    /// # Errors
    /// A query failed.
    pub async fn begin(
        &mut self,
        id: RevocationRunId,
        scope: &RevocationScope,
        (actor, reason): (&str, &str),
        now: DateTime<Utc>,
    ) -> Result<i64, StoreError> {
        #[derive(QueryableByName)]
        struct Stopped {
            #[diesel(sql_type = Uuid)]
            integration_id: IntegrationId,
            #[diesel(sql_type = BigInt)]
            connections: i64,
        }
        diesel::insert_into(revocation_runs::table)
            .values((
                revocation_runs::revocation_run_id.eq(id),
                revocation_runs::tenant_id.eq(self.scope.tenant),
                revocation_runs::environment_id.eq(self.scope.environment),
                revocation_runs::provider.eq(&scope.provider),
                revocation_runs::integration_id.eq(scope.integration),
                revocation_runs::made_since.eq(scope.since),
                revocation_runs::made_until.eq(scope.until),
                revocation_runs::total.eq(0),
                revocation_runs::actor.eq(actor),
                revocation_runs::created_at.eq(now),
            ))
            .execute(self.connection)
            .await?;
        let sql = format!(
            "
WITH meant AS (
    SELECT c.connection_id, i.provider FROM connections c JOIN integrations i USING (integration_id) WHERE {MEANT}
    ORDER BY c.connection_id FOR NO KEY UPDATE OF c
), stopped AS (
    UPDATE connections c SET health = 'revoked', health_cause = NULL, health_reason = $7, health_changed_at = $8,
        updated_at = $8
    FROM meant WHERE c.connection_id = meant.connection_id
    RETURNING c.connection_id, c.integration_id, meant.provider, c.end_user_id, c.account
), asked AS (
    INSERT INTO revocations (connection_id, tenant_id, environment_id, integration_id, provider, end_user_id, account,
        revocation_run_id, state, reason, next_try_at, asked_at)
    SELECT connection_id, $1, $2, integration_id, provider, end_user_id, account, $9, 'pending',
        'The provider has not been asked yet.', $8, $8 FROM stopped
    ON CONFLICT (connection_id) DO UPDATE SET revocation_run_id = $9, state = 'pending', reason = excluded.reason, tries = 0,
        next_try_at = $8, asked_at = $8, finished_at = NULL
    RETURNING integration_id
) SELECT integration_id, count(*) AS connections FROM asked GROUP BY integration_id"
        );
        let stopped: Vec<Stopped> = diesel::sql_query(sql)
            .bind::<Uuid, _>(self.scope.tenant)
            .bind::<Uuid, _>(self.scope.environment)
            .bind::<Nullable<Text>, _>(&scope.provider)
            .bind::<Nullable<Uuid>, _>(scope.integration)
            .bind::<Nullable<Timestamptz>, _>(scope.since)
            .bind::<Nullable<Timestamptz>, _>(scope.until)
            .bind::<Text, _>(reason)
            .bind::<Timestamptz, _>(now)
            .bind::<Uuid, _>(id)
            .load(self.connection)
            .await?;
        let total: i64 = stopped.iter().map(|one| one.connections).sum();
        diesel::update(revocation_runs::table.filter(self.runs()).filter(revocation_runs::revocation_run_id.eq(id)))
            .set(revocation_runs::total.eq(total))
            .execute(self.connection)
            .await?;
        for one in stopped {
            // Whatever is kept of connections through it is old.
            listen::notify_changed(self.connection, one.integration_id.uuid()).await?;
        }
        Ok(total)
    }

    /// The unfinished run over exactly these connections, if there is one.
    ///
    /// # Errors
    /// The query failed.
    pub async fn open_run(&mut self, scope: &RevocationScope) -> Result<Option<RevocationRunRow>, StoreError> {
        Ok(revocation_runs::table
            .filter(self.runs())
            .filter(revocation_runs::finished_at.is_null())
            .filter(revocation_runs::provider.is_not_distinct_from(&scope.provider))
            .filter(revocation_runs::integration_id.is_not_distinct_from(scope.integration))
            .filter(revocation_runs::made_since.is_not_distinct_from(scope.since))
            .filter(revocation_runs::made_until.is_not_distinct_from(scope.until))
            .order(revocation_runs::revocation_run_id.desc())
            .select(RevocationRunRow::as_select())
            .first(self.connection)
            .await
            .optional()?)
    }

    /// The run of that id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn run(&mut self, id: RevocationRunId) -> Result<RevocationRunRow, StoreError> {
        Ok(revocation_runs::table
            .filter(self.runs())
            .filter(revocation_runs::revocation_run_id.eq(id))
            .select(RevocationRunRow::as_select())
            .first(self.connection)
            .await?)
    }

    /// Connections of a run whose providers are to be asked now.
    ///
    /// # Errors
    /// The query failed.
    pub async fn due(
        &mut self,
        run: RevocationRunId,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        Ok(revocations::table
            .filter(revocations::revocation_run_id.eq(run).and(revocations::state.eq("pending")))
            .filter(revocations::next_try_at.le(now))
            .order((revocations::next_try_at, revocations::connection_id))
            .limit(limit)
            .select(revocations::connection_id)
            .load(self.connection)
            .await?)
    }

    /// When the next of a run is due; `None` when all are settled.
    ///
    /// # Errors
    /// The query failed.
    pub async fn next_due(&mut self, run: RevocationRunId) -> Result<Option<DateTime<Utc>>, StoreError> {
        let next: Option<Option<DateTime<Utc>>> = revocations::table
            .filter(revocations::revocation_run_id.eq(run).and(revocations::state.eq("pending")))
            .order(revocations::next_try_at)
            .select(revocations::next_try_at)
            .first(self.connection)
            .await
            .optional()?;
        Ok(next.flatten())
    }

    /// All of a run are settled. Gives whether that is news.
    ///
    /// # Errors
    /// The update failed.
    pub async fn finish(&mut self, run: RevocationRunId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let open = revocation_runs::table
            .filter(self.runs())
            .filter(revocation_runs::revocation_run_id.eq(run).and(revocation_runs::finished_at.is_null()));
        Ok(diesel::update(open).set(revocation_runs::finished_at.eq(now)).execute(self.connection).await? > 0)
    }

    /// How many of a run are in which state, by provider.
    ///
    /// # Errors
    /// The query failed.
    pub async fn tally(&mut self, run: RevocationRunId) -> Result<Vec<StateCount>, StoreError> {
        let rows: Vec<(String, String, i64)> = revocations::table
            .filter(revocations::revocation_run_id.eq(run))
            .group_by((revocations::provider, revocations::state))
            .order((revocations::provider, revocations::state))
            .select((revocations::provider, revocations::state, diesel::dsl::count_star()))
            .load(self.connection)
            .await?;
        Ok(rows.into_iter().map(|(provider, state, count)| StateCount { provider, state, count }).collect())
    }
}
