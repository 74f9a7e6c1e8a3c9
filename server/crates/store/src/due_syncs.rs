//! Syncs whose time has come, of whatever tenant.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use domain::{Scope, schedule::Schedule};
use ids::{EnvironmentId, SyncId, TenantId};

use crate::{StoreError, System, Tx, schema::syncs, syncs::schedule, words::count};

/// A sync that is due, locked until the transaction ends.
#[derive(Debug, Clone)]
pub struct DueSync {
    /// Its id.
    pub id: SyncId,
    /// Where it is.
    pub scope: Scope,
    /// When it runs by itself.
    pub schedule: Schedule,
    /// Failed runs in a row.
    pub failures: u32,
    /// Whether its connection can be used.
    pub is_connected: bool,
}

#[derive(QueryableByName)]
struct DueColumns {
    #[diesel(sql_type = SqlUuid)]
    sync_id: SyncId,
    #[diesel(sql_type = SqlUuid)]
    tenant_id: TenantId,
    #[diesel(sql_type = SqlUuid)]
    environment_id: EnvironmentId,
    #[diesel(sql_type = Integer)]
    every_seconds: i32,
    #[diesel(sql_type = Nullable<Text>)]
    cron: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    time_zone: Option<String>,
    #[diesel(sql_type = Integer)]
    failures: i32,
    #[diesel(sql_type = Bool)]
    is_connected: bool,
}

impl Tx<System> {
    /// Syncs that are due, the longest overdue first, locked; those that another node looks at right now are left to it.
    ///
    /// # Errors
    /// The query failed.
    pub async fn due_syncs(&mut self, now: DateTime<Utc>, limit: i64) -> Result<Vec<DueSync>, StoreError> {
        // Only the sync is locked, and not its key: connections are refreshed and referred to meanwhile.
        const SQL: &str = "
SELECT s.sync_id, s.tenant_id, s.environment_id, s.every_seconds, s.cron, s.time_zone, s.failures, c.health = 'active' AS is_connected
FROM syncs s JOIN connections c USING (connection_id)
WHERE s.paused_at IS NULL AND s.next_run_at <= $1
ORDER BY s.next_run_at LIMIT $2 FOR NO KEY UPDATE OF s SKIP LOCKED";
        let rows: Vec<DueColumns> =
            diesel::sql_query(SQL).bind::<Timestamptz, _>(now).bind::<BigInt, _>(limit).load(self.connection()).await?;
        rows.into_iter()
            .map(|row| {
                Ok(DueSync {
                    id: row.sync_id,
                    scope: Scope { tenant: row.tenant_id, environment: row.environment_id },
                    // One that cannot be read any more must not keep the others from their turn.
                    schedule: schedule(row.every_seconds, row.cron.as_deref(), row.time_zone.as_deref())
                        .or_else(|_| schedule(row.every_seconds, None, None))?,
                    failures: count("syncs", row.failures)?,
                    is_connected: row.is_connected,
                })
            })
            .collect()
    }

    /// When a sync is due next.
    ///
    /// # Errors
    /// The update failed.
    pub async fn postpone_sync(&mut self, id: SyncId, next_run_at: DateTime<Utc>) -> Result<(), StoreError> {
        diesel::update(syncs::table.find(id))
            .set(syncs::next_run_at.eq(next_run_at))
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
