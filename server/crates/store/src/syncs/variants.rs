//! Several syncs of one stream, with different parameters.

use chrono::{DateTime, Utc};
use diesel::{dsl::case_when, prelude::*};
use diesel_async::RunQueryDsl;
use ids::{ConnectionId, SyncId};

use super::{NewSync, Syncs, mine};
use crate::{StoreError, schema::syncs};

impl Syncs<'_> {
    /// Makes a variant of a stream's sync.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the connection has one of that name.
    pub async fn insert_variant(
        &mut self,
        connection: ConnectionId,
        new: &NewSync,
        variant: &str,
        params: &serde_json::Value,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        diesel::insert_into(syncs::table)
            .values((
                syncs::sync_id.eq(new.id),
                syncs::tenant_id.eq(self.scope.tenant),
                syncs::environment_id.eq(self.scope.environment),
                syncs::connection_id.eq(connection),
                syncs::stream.eq(&new.stream),
                syncs::variant.eq(variant),
                syncs::params.eq(params),
                syncs::since.eq(new.since),
                syncs::mode.eq(new.mode.as_str()),
                syncs::every_seconds.eq(i32::try_from(new.every_seconds).unwrap_or(i32::MAX)),
                syncs::next_run_at.eq(new.next_run_at),
                syncs::created_at.eq(now),
            ))
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// Gives a sync other parameters; its next run is a full one, whatever the mode.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_params(&mut self, id: SyncId, params: &serde_json::Value) -> Result<(), StoreError> {
        let one = syncs::table.filter(mine(self.scope)).filter(syncs::sync_id.eq(id));
        let changed = diesel::update(one)
            .set((syncs::params.eq(params), syncs::begins_anew.eq(true)))
            .execute(self.connection)
            .await?;
        if changed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }

    /// How many syncs a connection has.
    ///
    /// # Errors
    /// The query failed.
    pub async fn count_of(&mut self, connection: ConnectionId) -> Result<i64, StoreError> {
        let its = syncs::table.filter(mine(self.scope)).filter(syncs::connection_id.eq(connection));
        Ok(its.count().get_result(self.connection).await?)
    }

    /// Removes a sync with its runs and records; with the sync locked, so that no page of it is being written.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete(&mut self, id: SyncId) -> Result<(), StoreError> {
        let one = syncs::table.filter(mine(self.scope)).filter(syncs::sync_id.eq(id));
        let deleted = diesel::delete(one).execute(self.connection).await?;
        if deleted == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }

    /// The variants of a stream go on as its sync does when the connection is repaired.
    pub(super) async fn repaired_variants(
        &mut self,
        connection: ConnectionId,
        stream: &NewSync,
    ) -> Result<Vec<SyncId>, StoreError> {
        let every = i32::try_from(stream.every_seconds).unwrap_or(i32::MAX);
        let variants = syncs::table
            .filter(mine(self.scope))
            .filter(syncs::connection_id.eq(connection))
            .filter(syncs::stream.eq(&stream.stream).and(syncs::variant.ne("")));
        Ok(diesel::update(variants)
            .set((
                syncs::mode.eq(stream.mode.as_str()),
                syncs::every_seconds.eq(case_when(syncs::has_own_schedule, syncs::every_seconds).otherwise(every)),
                syncs::next_run_at.eq(stream.next_run_at),
                syncs::failures.eq(0),
            ))
            .returning(syncs::sync_id)
            .get_results(self.connection)
            .await?)
    }
}
