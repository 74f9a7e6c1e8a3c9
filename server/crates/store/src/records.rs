//! Records. Numbers of changes are given out with the sync locked, so they appear in the order of commits and without
//! gaps: a reader that goes on after the highest number it has seen misses nothing.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{Scope, run::Counts};
use ids::{EnvironmentId, RunId, SyncId, TenantId};

use crate::{
    StoreError, Tx,
    prepared::Prepared,
    runs::{RunFence, SUPERSEDED, stored},
    schema::records,
};

/// A record as it comes from the provider.
#[derive(Debug, Clone, Copy)]
pub struct NewRecord<'a> {
    /// The provider's id of it.
    pub external_id: &'a str,
    /// Hash of the canonical form.
    pub content_hash: &'a [u8],
    /// The record, known to be JSON that Postgres takes.
    pub body: &'a str,
}

/// How a record of a page compares with what is stored. Those that are as stored are not mentioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// Its place in the page, from 0.
    pub index: usize,
    /// Whether there is a row for it.
    pub is_known: bool,
    /// Whether that row says that it is gone.
    pub is_gone: bool,
}

/// A record as stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = records, check_for_backend(diesel::pg::Pg))]
pub struct RecordRow {
    /// The provider's id of it.
    pub external_id: String,
    /// Number of its latest change.
    pub seq: i64,
    /// The record.
    pub body: serde_json::Value,
    /// When it was first seen.
    pub created_at: DateTime<Utc>,
    /// When its content last changed.
    pub updated_at: DateTime<Utc>,
    /// Since when it is gone.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// The records of one environment.
pub struct Records<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The records of this environment.
    pub fn records(&mut self) -> Records<'_> {
        let scope = self.scope();
        Records { connection: self.connection(), scope }
    }
}

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = BigInt)]
    last_seq: i64,
    #[diesel(sql_type = Integer)]
    pages: i32,
    #[diesel(sql_type = Bool)]
    is_full: bool,
}

#[derive(QueryableByName)]
struct DifferenceColumns {
    #[diesel(sql_type = BigInt)]
    place: i64,
    #[diesel(sql_type = Bool)]
    is_known: bool,
    #[diesel(sql_type = Bool)]
    is_gone: bool,
}

/// Where the next page of a run is to be put. The sync is locked as long as the transaction lasts.
#[derive(Debug, Clone, Copy)]
pub struct PagePlace {
    /// The highest number given to a change so far.
    pub last_seq: i64,
    /// The page's number in the run, from 1.
    pub page: i32,
    /// Whether the run keeps track of what it sees.
    pub is_full: bool,
}

impl Records<'_> {
    /// Locks the sync and the run, if the run is still this worker's. What follows in the transaction looks rows up by
    /// index, however small the table looks: see [`Records::differences`].
    ///
    /// # Errors
    /// [`StoreError::Superseded`] if another worker has the run or it has ended: nothing may be written.
    pub async fn lock_for_page(&mut self, sync: SyncId, fence: RunFence) -> Result<PagePlace, StoreError> {
        const SQL: &str = "
SELECT s.last_seq, r.pages, r.is_full, set_config('enable_seqscan', 'off', true)
FROM syncs s JOIN runs r ON r.sync_id = s.sync_id
WHERE s.sync_id = $1 AND r.run_id = $2 AND r.fence = $3 AND r.state = 'running' AND s.tenant_id = $4 AND s.environment_id = $5
FOR NO KEY UPDATE";
        let place: Option<Place> = Prepared(
            diesel::sql_query(SQL)
                .bind::<Uuid, _>(sync)
                .bind::<Uuid, _>(fence.run)
                .bind::<BigInt, _>(fence.number)
                .bind::<Uuid, _>(self.scope.tenant)
                .bind::<Uuid, _>(self.scope.environment),
        )
        .get_result(self.connection)
        .await
        .optional()?;
        let place = place.ok_or(SUPERSEDED)?;
        Ok(PagePlace { last_seq: place.last_seq, page: place.pages.saturating_add(1), is_full: place.is_full })
    }

    /// Which of these records, no two of one id, are not as stored; after [`Records::lock_for_page`]. The lateral join
    /// with its limit is on purpose: while a young table has no statistics, the planner would read all records of the sync
    /// for each page. The plan is kept while the table grows, so it must be that of a large one from the beginning:
    /// each record by the primary key, which is the only index with both columns in it.
    ///
    /// # Errors
    /// The query failed.
    pub async fn differences(
        &mut self,
        sync: SyncId,
        ids: &[&str],
        hashes: &[&[u8]],
    ) -> Result<Vec<Difference>, StoreError> {
        const SQL: &str = "
SELECT page.place, r.external_id IS NOT NULL AS is_known, r.deleted_at IS NOT NULL AS is_gone
FROM unnest($2, $3) WITH ORDINALITY AS page (id, hash, place)
LEFT JOIN LATERAL (
    SELECT external_id, content_hash, deleted_at FROM records WHERE sync_id = $1 AND external_id = page.id LIMIT 1) r ON true
WHERE r.external_id IS NULL OR r.content_hash <> page.hash OR r.deleted_at IS NOT NULL
ORDER BY page.place";
        let rows: Vec<DifferenceColumns> = Prepared(
            diesel::sql_query(SQL).bind::<Uuid, _>(sync).bind::<Array<Text>, _>(ids).bind::<Array<Binary>, _>(hashes),
        )
        .load(self.connection)
        .await?;
        let difference = |row: DifferenceColumns| Difference {
            index: usize::try_from(row.place).unwrap_or_default().saturating_sub(1),
            is_known: row.is_known,
            is_gone: row.is_gone,
        };
        Ok(rows.into_iter().map(difference).collect())
    }

    /// Writes records that are new, numbering them from `last_seq + 1` in the order given.
    ///
    /// # Errors
    /// The insert failed; [`StoreError::Conflict`] if one is not new.
    pub async fn insert(
        &mut self,
        sync: SyncId,
        new: &[NewRecord<'_>],
        last_seq: i64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
INSERT INTO records (sync_id, external_id, tenant_id, environment_id, seq, content_hash, body, created_at, updated_at)
SELECT $1, page.id, $2, $3, $4 + page.place, page.hash, page.body::jsonb, $5, $5
FROM unnest($6, $7, $8) WITH ORDINALITY AS page (id, hash, body, place)";
        self.write(SQL, sync, new, last_seq, now).await
    }

    /// Writes records that are new or changed or there again, numbering them likewise.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn upsert(
        &mut self,
        sync: SyncId,
        changed: &[NewRecord<'_>],
        last_seq: i64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
INSERT INTO records (sync_id, external_id, tenant_id, environment_id, seq, content_hash, body, created_at, updated_at)
SELECT $1, page.id, $2, $3, $4 + page.place, page.hash, page.body::jsonb, $5, $5
FROM unnest($6, $7, $8) WITH ORDINALITY AS page (id, hash, body, place)
ON CONFLICT (sync_id, external_id) DO UPDATE SET seq = excluded.seq, content_hash = excluded.content_hash, body = excluded.body,
    updated_at = excluded.updated_at, deleted_at = NULL";
        self.write(SQL, sync, changed, last_seq, now).await
    }

    async fn write(
        &mut self,
        sql: &str,
        sync: SyncId,
        rows: &[NewRecord<'_>],
        last_seq: i64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let ids: Vec<&str> = rows.iter().map(|row| row.external_id).collect();
        let hashes: Vec<&[u8]> = rows.iter().map(|row| row.content_hash).collect();
        let bodies: Vec<&str> = rows.iter().map(|row| row.body).collect();
        Prepared(
            diesel::sql_query(sql)
                .bind::<Uuid, _>(sync)
                .bind::<Uuid, _>(self.scope.tenant)
                .bind::<Uuid, _>(self.scope.environment)
                .bind::<BigInt, _>(last_seq)
                .bind::<Timestamptz, _>(now)
                .bind::<Array<Text>, _>(ids)
                .bind::<Array<Binary>, _>(hashes)
                .bind::<Array<Text>, _>(bodies),
        )
        .execute(self.connection)
        .await?;
        Ok(())
    }

    /// Marks records as gone, numbering those that were not from `last_seq + 1`. Gives how many.
    ///
    /// # Errors
    /// The update failed.
    pub async fn delete(
        &mut self,
        sync: SyncId,
        ids: &[&str],
        last_seq: i64,
        now: DateTime<Utc>,
    ) -> Result<i64, StoreError> {
        const SQL: &str = "
UPDATE records SET deleted_at = $4, updated_at = $4, seq = $3 + gone.place
FROM (SELECT external_id, row_number() OVER (ORDER BY external_id) AS place FROM records
      WHERE sync_id = $1 AND external_id = ANY ($2) AND deleted_at IS NULL) gone
WHERE records.sync_id = $1 AND records.external_id = gone.external_id";
        let deleted = diesel::sql_query(SQL)
            .bind::<Uuid, _>(sync)
            .bind::<Array<Text>, _>(ids)
            .bind::<BigInt, _>(last_seq)
            .bind::<Timestamptz, _>(now)
            .execute(self.connection)
            .await?;
        Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
    }

    /// Notes what a page of a full run held.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn saw(&mut self, run: RunId, page: i32, ids: &[&str]) -> Result<(), StoreError> {
        const SQL: &str =
            "INSERT INTO run_seen (run_id, page, tenant_id, environment_id, external_ids) VALUES ($1, $2, $3, $4, $5)";
        Prepared(
            diesel::sql_query(SQL)
                .bind::<Uuid, _>(run)
                .bind::<Integer, _>(page)
                .bind::<Uuid, _>(self.scope.tenant)
                .bind::<Uuid, _>(self.scope.environment)
                .bind::<Array<Text>, _>(ids),
        )
        .execute(self.connection)
        .await?;
        Ok(())
    }

    /// Marks as gone what a full run has not seen, numbering from `last_seq + 1`. Gives how many.
    ///
    /// # Errors
    /// The update failed.
    pub async fn delete_unseen(
        &mut self,
        sync: SyncId,
        run: RunId,
        last_seq: i64,
        now: DateTime<Utc>,
    ) -> Result<i64, StoreError> {
        const SQL: &str = "
WITH seen AS MATERIALIZED (SELECT DISTINCT unnest(external_ids) COLLATE \"C\" AS external_id FROM run_seen WHERE run_id = $2),
gone AS MATERIALIZED (
    SELECT r.external_id, row_number() OVER (ORDER BY r.external_id) AS place FROM records r
    WHERE r.sync_id = $1 AND r.deleted_at IS NULL AND NOT EXISTS (SELECT FROM seen WHERE seen.external_id = r.external_id))
UPDATE records SET deleted_at = $4, updated_at = $4, seq = $3 + gone.place
FROM gone WHERE records.sync_id = $1 AND records.external_id = gone.external_id";
        // All of the sync's records are read, which may be all there are.
        diesel::sql_query("SET LOCAL enable_seqscan = on").execute(self.connection).await?;
        let deleted = diesel::sql_query(SQL)
            .bind::<Uuid, _>(sync)
            .bind::<Uuid, _>(run)
            .bind::<BigInt, _>(last_seq)
            .bind::<Timestamptz, _>(now)
            .execute(self.connection)
            .await?;
        Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
    }

    /// Moves the sync on and counts the page in its run, together with what was written before in this transaction.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] if another worker has the run or it has ended.
    pub async fn end_page(
        &mut self,
        sync: SyncId,
        fence: RunFence,
        last_seq: i64,
        cursor: Option<&str>,
        counts: Counts,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
WITH moved AS (UPDATE syncs SET last_seq = $2, cursor = $3 WHERE sync_id = $1 AND tenant_id = $4 AND environment_id = $5)
UPDATE runs SET pages = pages + 1, added = added + $6, updated = updated + $7, deleted = deleted + $8, unchanged = unchanged + $9
WHERE run_id = $10 AND fence = $11 AND state = 'running'";
        let counted = Prepared(
            diesel::sql_query(SQL)
                .bind::<Uuid, _>(sync)
                .bind::<BigInt, _>(last_seq)
                .bind::<Nullable<Text>, _>(cursor)
                .bind::<Uuid, _>(self.scope.tenant)
                .bind::<Uuid, _>(self.scope.environment)
                .bind::<BigInt, _>(stored(counts.added))
                .bind::<BigInt, _>(stored(counts.updated))
                .bind::<BigInt, _>(stored(counts.deleted))
                .bind::<BigInt, _>(stored(counts.unchanged))
                .bind::<Uuid, _>(fence.run)
                .bind::<BigInt, _>(fence.number),
        )
        .execute(self.connection)
        .await?;
        if counted == 0 { Err(SUPERSEDED) } else { Ok(()) }
    }

    /// Records of a sync in the order of their latest change, after a number.
    ///
    /// # Errors
    /// The query failed.
    pub async fn feed(&mut self, sync: SyncId, after: i64, limit: i64) -> Result<Vec<RecordRow>, StoreError> {
        let (tenant, environment): (TenantId, EnvironmentId) = (self.scope.tenant, self.scope.environment);
        let query = records::table
            .filter(records::sync_id.eq(sync).and(records::seq.gt(after)))
            .filter(records::tenant_id.eq(tenant).and(records::environment_id.eq(environment)))
            .order(records::seq)
            .limit(limit)
            .select(RecordRow::as_select());
        Ok(query.load(self.connection).await?)
    }
}
