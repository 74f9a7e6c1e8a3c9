//! Which credentials are to be refreshed although nobody asks for them. The cost of asking lies in what is due: an index
//! holds those that ever are, by time.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use domain::Scope;
use ids::{ConnectionId, EnvironmentId, TenantId};
use uuid::Uuid;

use crate::{StoreError, System, Tx};

/// A credential whose time has come.
#[derive(Debug, Clone)]
pub struct DueRefresh {
    /// Whose it is.
    pub connection: ConnectionId,
    /// Where.
    pub scope: Scope,
    /// The generation that is to be replaced.
    pub generation: i64,
    /// The provider's slug.
    pub provider: String,
}

#[derive(QueryableByName)]
struct DueColumns {
    #[diesel(sql_type = SqlUuid)]
    connection_id: ConnectionId,
    #[diesel(sql_type = SqlUuid)]
    tenant_id: TenantId,
    #[diesel(sql_type = SqlUuid)]
    environment_id: EnvironmentId,
    #[diesel(sql_type = BigInt)]
    generation: i64,
    #[diesel(sql_type = Text)]
    provider: String,
}

#[derive(QueryableByName)]
struct TakenColumns {
    #[diesel(sql_type = SqlUuid)]
    connection_id: ConnectionId,
    #[diesel(sql_type = Bool)]
    is_active: bool,
}

const DUE: &str = "\
SELECT c.connection_id, c.tenant_id, c.environment_id, c.generation, i.provider
FROM credentials c
JOIN connections n ON n.connection_id = c.connection_id
JOIN integrations i ON i.integration_id = n.integration_id
WHERE c.refresh_at <= $1 AND i.provider <> ALL ($2)
ORDER BY c.refresh_at
LIMIT $3";

/// A connection that cannot be used is not refreshed until it can, which sets the time anew.
const TAKE: &str = "\
UPDATE credentials c SET refresh_at = CASE WHEN n.health = 'active' THEN $3 END
FROM connections n
WHERE n.connection_id = c.connection_id AND c.connection_id = ANY ($1) AND c.refresh_at <= $2
RETURNING c.connection_id, n.health = 'active' AS is_active";

impl Tx<System> {
    /// Credentials whose time has come, the longest due first, but none of these providers.
    ///
    /// # Errors
    /// The query failed.
    pub async fn due_refreshes(
        &mut self,
        now: DateTime<Utc>,
        but: &[String],
        limit: i64,
    ) -> Result<Vec<DueRefresh>, StoreError> {
        let rows: Vec<DueColumns> = diesel::sql_query(DUE)
            .bind::<Timestamptz, _>(now)
            .bind::<Array<Text>, _>(but)
            .bind::<BigInt, _>(limit)
            .load(self.connection())
            .await?;
        let due = |row: DueColumns| DueRefresh {
            connection: row.connection_id,
            scope: Scope { tenant: row.tenant_id, environment: row.environment_id },
            generation: row.generation,
            provider: row.provider,
        };
        Ok(rows.into_iter().map(due).collect())
    }

    /// Takes some of them, so that no other node does before `again`, by when they are due again unless they were
    /// refreshed. Gives those that this caller has and whose connection can be used.
    ///
    /// # Errors
    /// The query failed.
    pub async fn take_refreshes(
        &mut self,
        wanted: &[ConnectionId],
        now: DateTime<Utc>,
        again: DateTime<Utc>,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        let wanted: Vec<Uuid> = wanted.iter().map(|id| id.uuid()).collect();
        let rows: Vec<TakenColumns> = diesel::sql_query(TAKE)
            .bind::<Array<SqlUuid>, _>(wanted)
            .bind::<Timestamptz, _>(now)
            .bind::<Timestamptz, _>(again)
            .load(self.connection())
            .await?;
        Ok(rows.into_iter().filter(|row| row.is_active).map(|row| row.connection_id).collect())
    }
}
