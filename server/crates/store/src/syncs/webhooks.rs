//! What a provider's webhooks say of syncs.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, Integer, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use ids::{ConnectionId, SyncId};

use super::{LastRunColumns, SyncColumns, SyncRow, Syncs, mine, read, with_last_run};
use crate::{StoreError, schema::syncs};

/// So many ids are kept until the next run; with more of them that run is a full one, which finds what is gone by itself.
const MOST_GONE: i32 = 5_000;

impl Syncs<'_> {
    /// The syncs of some streams of connections, variants too, in the order of their ids.
    ///
    /// # Errors
    /// The query failed.
    pub async fn of_streams(
        &mut self,
        connections: &[ConnectionId],
        streams: &[&str],
    ) -> Result<Vec<SyncRow>, StoreError> {
        let rows = with_last_run()
            .filter(mine(self.scope))
            .filter(syncs::connection_id.eq_any(connections.to_vec()))
            .filter(syncs::stream.eq_any(streams.to_vec()))
            .select((SyncColumns::as_select(), Option::<LastRunColumns>::as_select()))
            .order(syncs::sync_id)
            .load(self.connection)
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// These records are gone, as the provider says. The next run begins with marking them: a page that is under way may
    /// have been pulled before.
    ///
    /// # Errors
    /// The update failed.
    pub async fn add_gone(&mut self, id: SyncId, ids: &[String]) -> Result<(), StoreError> {
        const SQL: &str = "
UPDATE syncs SET
    gone = CASE WHEN cardinality(gone) + cardinality($2) > $3 THEN '{}' ELSE gone || $2 END,
    begins_anew = begins_anew OR cardinality(gone) + cardinality($2) > $3
WHERE sync_id = $1 AND tenant_id = $4 AND environment_id = $5";
        diesel::sql_query(SQL)
            .bind::<SqlUuid, _>(id)
            .bind::<Array<Text>, _>(ids)
            .bind::<Integer, _>(MOST_GONE)
            .bind::<SqlUuid, _>(self.scope.tenant)
            .bind::<SqlUuid, _>(self.scope.environment)
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// What was gone is marked, with the sync locked: numbers were given out up to `last_seq`.
    ///
    /// # Errors
    /// The update failed.
    pub async fn gone_is_marked(&mut self, id: SyncId, last_seq: i64) -> Result<(), StoreError> {
        let one = syncs::table.filter(mine(self.scope)).filter(syncs::sync_id.eq(id));
        diesel::update(one)
            .set((syncs::gone.eq(Vec::<String>::new()), syncs::last_seq.eq(last_seq)))
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// It is due now, for whenever it may run.
    ///
    /// # Errors
    /// The update failed.
    pub async fn make_due(&mut self, id: SyncId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let one = syncs::table.filter(mine(self.scope)).filter(syncs::sync_id.eq(id));
        diesel::update(one).set(syncs::next_run_at.eq(now)).execute(self.connection).await?;
        Ok(())
    }
}
