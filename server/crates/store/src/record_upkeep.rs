//! Upkeep of records: removing what is kept no longer, and sealing what shall lie sealed. Changes are numbered in the order
//! of time, so it walks along the numbers, remembers how far it has come, and looks at each record once.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;
use domain::Scope;
use ids::{EnvironmentId, SyncId, TenantId};

use crate::{RecordPolicy, StoreError, System, Tx, record_policies, records::Records};

/// How far the upkeep of a sync's records has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// No deleted record with a number up to this is left.
    pub deleted_to: i64,
    /// No content with a number up to this is left.
    pub content_to: i64,
    /// Everything with a number up to this is sealed.
    pub sealed_to: i64,
    /// The highest number of a deleted record that was removed.
    pub pruned_seq: i64,
    /// Those that were removed had been deleted before this.
    pub pruned_before: Option<DateTime<Utc>>,
}

/// A sync whose records are due to be looked at.
#[derive(Debug, Clone, Copy)]
pub struct DueUpkeep {
    /// Where it is.
    pub scope: Scope,
    /// It.
    pub sync: SyncId,
    /// How its records are to be kept.
    pub policy: RecordPolicy,
}

/// A step along the numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Step {
    /// How far it came; where it stood if there was nothing.
    pub to: i64,
    /// How many records it looked at.
    pub seen: i64,
    /// How many it changed.
    pub changed: i64,
    /// The highest number among those.
    pub highest: i64,
}

/// A record that does not lie sealed.
#[derive(Debug, Clone, QueryableByName)]
pub struct Unsealed {
    /// The provider's id of it.
    #[diesel(sql_type = Text)]
    pub external_id: String,
    /// Number of its latest change.
    #[diesel(sql_type = BigInt)]
    pub seq: i64,
    /// Hash of the canonical form.
    #[diesel(sql_type = Binary)]
    pub content_hash: Vec<u8>,
    /// The record; `None` if it lies sealed already, or its content was removed.
    #[diesel(sql_type = Nullable<Text>)]
    pub body: Option<String>,
}

#[derive(QueryableByName)]
struct DueColumns {
    #[diesel(sql_type = Uuid)]
    tenant_id: TenantId,
    #[diesel(sql_type = Uuid)]
    environment_id: EnvironmentId,
    #[diesel(sql_type = Uuid)]
    sync_id: SyncId,
    #[diesel(sql_type = Nullable<Integer>)]
    keep_deleted_days: Option<i32>,
    #[diesel(sql_type = Nullable<Integer>)]
    keep_content_days: Option<i32>,
    #[diesel(sql_type = Bool)]
    is_sealed: bool,
}

#[derive(QueryableByName)]
struct UpkeepColumns {
    #[diesel(sql_type = BigInt)]
    deleted_to: i64,
    #[diesel(sql_type = BigInt)]
    content_to: i64,
    #[diesel(sql_type = BigInt)]
    sealed_to: i64,
    #[diesel(sql_type = BigInt)]
    pruned_seq: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pruned_before: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct StepColumns {
    #[diesel(sql_type = BigInt)]
    walked_to: i64,
    #[diesel(sql_type = BigInt)]
    seen: i64,
    #[diesel(sql_type = BigInt)]
    changed: i64,
    #[diesel(sql_type = BigInt)]
    highest: i64,
}

// The next records in the order of their numbers, up to the first that is not old enough.
macro_rules! step {
    ($change:literal) => {
        concat!(
            "
WITH next AS MATERIALIZED (
    SELECT external_id, seq, updated_at, deleted_at FROM records WHERE sync_id = $1 AND seq > $2 ORDER BY seq LIMIT $4),
old AS MATERIALIZED (
    SELECT * FROM next WHERE seq < coalesce((SELECT min(seq) FROM next WHERE updated_at >= $3), 9223372036854775807)),
changed AS (",
            $change,
            " RETURNING records.seq)
SELECT coalesce(max(seq), $2) AS walked_to, count(*) AS seen, (SELECT count(*) FROM changed) AS changed,
    (SELECT coalesce(max(seq), 0) FROM changed) AS highest FROM old"
        )
    };
}

impl Records<'_> {
    /// Removes deleted records among the next `limit` after a number, as long as their latest change was before `before`;
    /// the sync is locked.
    ///
    /// # Errors
    /// The query failed.
    pub async fn prune_deleted(
        &mut self,
        sync: SyncId,
        after: i64,
        before: DateTime<Utc>,
        limit: i64,
    ) -> Result<Step, StoreError> {
        const SQL: &str = step!(
            "DELETE FROM records USING old WHERE records.sync_id = $1 AND records.external_id = old.external_id AND old.deleted_at IS NOT NULL"
        );
        self.step(SQL, sync, after, before, limit).await
    }

    /// Removes the content of the next `limit` records after a number, likewise. They stay as what is known of them, so that
    /// what the provider still has does not come again as if it were new.
    ///
    /// # Errors
    /// The query failed.
    pub async fn prune_content(
        &mut self,
        sync: SyncId,
        after: i64,
        before: DateTime<Utc>,
        limit: i64,
    ) -> Result<Step, StoreError> {
        const SQL: &str = step!(
            "UPDATE records SET body = NULL, sealed_body = CASE WHEN sealed_body IS NOT NULL THEN ''::bytea END, body_bytes = 0
             FROM old WHERE records.sync_id = $1 AND records.external_id = old.external_id"
        );
        self.step(SQL, sync, after, before, limit).await
    }

    async fn step(
        &mut self,
        sql: &'static str,
        sync: SyncId,
        after: i64,
        before: DateTime<Utc>,
        limit: i64,
    ) -> Result<Step, StoreError> {
        let step: StepColumns = diesel::sql_query(sql)
            .bind::<Uuid, _>(sync)
            .bind::<BigInt, _>(after)
            .bind::<Timestamptz, _>(before)
            .bind::<BigInt, _>(limit)
            .get_result(self.connection)
            .await?;
        Ok(Step { to: step.walked_to, seen: step.seen, changed: step.changed, highest: step.highest })
    }

    /// The next records after a number, those that lie sealed without their body.
    ///
    /// # Errors
    /// The query failed.
    pub async fn unsealed(&mut self, sync: SyncId, after: i64, limit: i64) -> Result<Vec<Unsealed>, StoreError> {
        let sql = "
SELECT external_id, seq, content_hash, body::text AS body FROM records WHERE sync_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        let query = diesel::sql_query(sql).bind::<Uuid, _>(sync).bind::<BigInt, _>(after).bind::<BigInt, _>(limit);
        Ok(query.load(self.connection).await?)
    }

    /// Puts sealed bodies and keyed hashes in the place of what lies there, without a change that readers would see; the
    /// sync is locked.
    ///
    /// # Errors
    /// The update failed.
    pub async fn seal_in_place(
        &mut self,
        sync: SyncId,
        ids: &[&str],
        hashes: &[&[u8]],
        sealed: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        let sql = "
UPDATE records SET body = NULL, sealed_body = one.body, content_hash = one.hash, page_digest = NULL
FROM unnest($2, $3, $4) AS one (id, hash, body) WHERE sync_id = $1 AND external_id = one.id";
        diesel::sql_query(sql)
            .bind::<Uuid, _>(sync)
            .bind::<Array<Text>, _>(ids)
            .bind::<Array<Binary>, _>(hashes)
            .bind::<Array<Binary>, _>(sealed)
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// How far the upkeep of a sync's records has come; nowhere if it was never begun.
    ///
    /// # Errors
    /// The query failed.
    pub async fn upkeep(&mut self, sync: SyncId) -> Result<Upkeep, StoreError> {
        let sql = "
SELECT deleted_to, content_to, sealed_to, pruned_seq, pruned_before FROM record_upkeep
WHERE sync_id = $1 AND tenant_id = $2 AND environment_id = $3";
        let found: Option<UpkeepColumns> = diesel::sql_query(sql)
            .bind::<Uuid, _>(sync)
            .bind::<Uuid, _>(self.scope.tenant)
            .bind::<Uuid, _>(self.scope.environment)
            .get_result(self.connection)
            .await
            .optional()?;
        Ok(found.map_or_else(Upkeep::default, |found| Upkeep {
            deleted_to: found.deleted_to,
            content_to: found.content_to,
            sealed_to: found.sealed_to,
            pruned_seq: found.pruned_seq,
            pruned_before: found.pruned_before,
        }))
    }

    /// Notes how far it has come. `looked_at` says that it is at its end for now.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn note_upkeep(
        &mut self,
        sync: SyncId,
        upkeep: Upkeep,
        looked_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let sql = "
INSERT INTO record_upkeep (sync_id, tenant_id, environment_id, deleted_to, content_to, sealed_to, pruned_seq, pruned_before, looked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9, 'epoch'::timestamptz))
ON CONFLICT (sync_id) DO UPDATE SET deleted_to = excluded.deleted_to, content_to = excluded.content_to,
    sealed_to = excluded.sealed_to, pruned_seq = excluded.pruned_seq, pruned_before = excluded.pruned_before,
    looked_at = coalesce($9, record_upkeep.looked_at)";
        diesel::sql_query(sql)
            .bind::<Uuid, _>(sync)
            .bind::<Uuid, _>(self.scope.tenant)
            .bind::<Uuid, _>(self.scope.environment)
            .bind::<BigInt, _>(upkeep.deleted_to)
            .bind::<BigInt, _>(upkeep.content_to)
            .bind::<BigInt, _>(upkeep.sealed_to)
            .bind::<BigInt, _>(upkeep.pruned_seq)
            .bind::<Nullable<Timestamptz>, _>(upkeep.pruned_before)
            .bind::<Nullable<Timestamptz>, _>(looked_at)
            .execute(self.connection)
            .await?;
        Ok(())
    }
}

impl Tx<System> {
    /// Syncs under a policy whose records were last looked at before `since`, those that wait longest first.
    ///
    /// # Errors
    /// The query failed.
    pub async fn due_upkeep(&mut self, since: DateTime<Utc>, limit: i64) -> Result<Vec<DueUpkeep>, StoreError> {
        let sql = "
SELECT s.tenant_id, s.environment_id, s.sync_id, p.keep_deleted_days, p.keep_content_days, p.is_sealed
FROM record_policies p
JOIN connections c ON c.integration_id = p.integration_id
JOIN syncs s ON s.connection_id = c.connection_id AND s.stream = p.stream
LEFT JOIN record_upkeep u ON u.sync_id = s.sync_id
WHERE (p.keep_deleted_days IS NOT NULL OR p.keep_content_days IS NOT NULL OR p.is_sealed)
    AND s.last_seq > 0 AND (u.looked_at IS NULL OR u.looked_at < $1)
ORDER BY u.looked_at NULLS FIRST LIMIT $2";
        let query = diesel::sql_query(sql).bind::<Timestamptz, _>(since).bind::<BigInt, _>(limit);
        let rows: Vec<DueColumns> = query.load(self.connection()).await?;
        let due = |row: DueColumns| {
            let policy = record_policies::read((row.keep_deleted_days, row.keep_content_days, row.is_sealed))?;
            let scope = Scope { tenant: row.tenant_id, environment: row.environment_id };
            Ok(DueUpkeep { scope, sync: row.sync_id, policy })
        };
        rows.into_iter().map(due).collect()
    }
}
