//! Records. Numbers of changes are given out with the sync locked, so they appear in the order of commits and without
//! gaps: a reader that goes on after the highest number it has seen misses nothing.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::{Scope, run::Counts};
use ids::{RunId, SyncId};

use crate::{
    StoreError, Tx,
    prepared::Prepared,
    runs::{RunFence, SUPERSEDED, stored},
    words::count,
};

/// A record as it comes from the provider.
#[derive(Debug, Clone, Copy)]
pub struct NewRecord<'a> {
    /// The provider's id of it.
    pub external_id: &'a str,
    /// Hash of the canonical form; the keyed one if it is sealed.
    pub content_hash: &'a [u8],
    /// The record, known to be JSON that Postgres takes.
    pub body: &'a str,
}

/// The records of one environment.
pub struct Records<'t> {
    pub(crate) connection: &'t mut AsyncPgConnection,
    pub(crate) scope: Scope,
}

impl Tx<Scope> {
    /// The records of this environment.
    pub fn records(&mut self) -> Records<'_> {
        let scope = self.scope();
        Records { connection: self.connection(), scope }
    }
}

/// Records to write.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// They.
    pub rows: &'a [NewRecord<'a>],
    /// Their bodies sealed, in the same order: these are written in place of what they hold.
    pub sealed: Option<&'a [Vec<u8>]>,
    /// Whether there is no row of any of them.
    pub all_new: bool,
    /// Where they are a whole page, its digest ([`Records::lies_as_it_came`]); none where anything is sealed.
    pub page_digest: Option<&'a [u8]>,
}

macro_rules! plain {
    ($($conflict:tt)*) => {
        concat!("
INSERT INTO records (sync_id, external_id, tenant_id, environment_id, seq, body_bytes, content_hash, page_digest, body, created_at,
    updated_at)
SELECT $1, page.id, $2, $3, $4 + page.place, octet_length(page.body), page.hash, CASE WHEN page.place = 1 THEN $9 END,
    page.body::jsonb, $5, $5
FROM unnest($6, $7, $8) WITH ORDINALITY AS page (id, hash, body, place)", $($conflict)*)
    };
}

macro_rules! sealed {
    ($($conflict:tt)*) => {
        concat!("
INSERT INTO records (sync_id, external_id, tenant_id, environment_id, seq, body_bytes, content_hash, sealed_body, created_at, updated_at)
SELECT $1, page.id, $2, $3, $4 + page.place, page.length, page.hash, page.body, $5, $5
FROM unnest($6, $7, $8, $9) WITH ORDINALITY AS page (id, hash, body, length, place)", $($conflict)*)
    };
}

macro_rules! upsert {
    () => {
        "
ON CONFLICT (sync_id, external_id) DO UPDATE SET seq = excluded.seq, body_bytes = excluded.body_bytes,
    content_hash = excluded.content_hash, page_digest = excluded.page_digest, body = excluded.body,
    sealed_body = excluded.sealed_body,
    updated_at = excluded.updated_at, deleted_at = NULL"
    };
}

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = BigInt)]
    last_seq: i64,
    #[diesel(sql_type = Integer)]
    pages: i32,
    #[diesel(sql_type = Bool)]
    is_full: bool,
    #[diesel(sql_type = Bool)]
    is_sealed: bool,
    #[diesel(sql_type = Bool)]
    has_key: bool,
}

/// What a page brought.
#[derive(Debug, Clone, Copy, Default)]
pub struct Brought {
    /// How many records of which kind.
    pub counts: Counts,
    /// Bytes of the largest record that was written.
    pub largest: usize,
    /// Whether nothing was written but how far the run is.
    pub may_be_lost: bool,
    /// With the last page of the run.
    pub ending: Option<Ending>,
}

/// How the last page of a run ends it, with success.
#[derive(Debug, Clone, Copy)]
pub struct Ending {
    /// When.
    pub at: DateTime<Utc>,
    /// When the next one is due.
    pub next_run_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    added: i64,
    #[diesel(sql_type = BigInt)]
    updated: i64,
    #[diesel(sql_type = BigInt)]
    deleted: i64,
    #[diesel(sql_type = BigInt)]
    unchanged: i64,
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
    /// Whether what is written is to be sealed.
    pub is_sealed: bool,
    /// Whether something of it may lie there sealed.
    pub has_key: bool,
}

impl Records<'_> {
    /// Locks the sync and the run, if the run is still this worker's. What follows in the transaction looks rows up by
    /// index, however small the table looks (see [`Records::differences`]), and by plans that are kept: left to itself Postgres
    /// would plan anew each time, which over the parts of the table costs as much as half of the work.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] if another worker has the run or it has ended: nothing may be written.
    pub async fn lock_for_page(&mut self, sync: SyncId, fence: RunFence) -> Result<PagePlace, StoreError> {
        const SQL: &str = "
SELECT s.last_seq, r.pages, r.is_full, set_config('enable_seqscan', 'off', true),
    set_config('plan_cache_mode', 'force_generic_plan', true),
    EXISTS (SELECT FROM record_policies p JOIN connections c ON c.integration_id = p.integration_id
            WHERE c.connection_id = s.connection_id AND p.stream = s.stream AND p.is_sealed) AS is_sealed,
    EXISTS (SELECT FROM record_keys k WHERE k.sync_id = s.sync_id) AS has_key
FROM syncs s JOIN runs r ON r.sync_id = s.sync_id
WHERE s.sync_id = $1 AND r.run_id = $2 AND r.fence = $3 AND r.state = 'running' AND s.tenant_id = $4 AND s.environment_id = $5
FOR NO KEY UPDATE OF s, r";
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
        Ok(PagePlace {
            last_seq: place.last_seq,
            page: place.pages.saturating_add(1),
            is_full: place.is_full,
            is_sealed: place.is_sealed,
            has_key: place.has_key,
        })
    }

    /// Writes records, numbering them from `last_seq + 1` in the order given.
    ///
    /// # Errors
    /// The insert failed; [`StoreError::Conflict`] if they are said to be new and one is not.
    pub async fn write(
        &mut self,
        sync: SyncId,
        written: &Written<'_>,
        last_seq: i64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let rows = written.rows;
        let sql = match (written.sealed.is_some(), written.all_new) {
            (false, true) => plain!(""),
            (false, false) => plain!(upsert!()),
            (true, true) => sealed!(""),
            (true, false) => sealed!(upsert!()),
        };
        let ids: Vec<&str> = rows.iter().map(|row| row.external_id).collect();
        let hashes: Vec<&[u8]> = rows.iter().map(|row| row.content_hash).collect();
        let query = diesel::sql_query(sql)
            .bind::<Uuid, _>(sync)
            .bind::<Uuid, _>(self.scope.tenant)
            .bind::<Uuid, _>(self.scope.environment)
            .bind::<BigInt, _>(last_seq)
            .bind::<Timestamptz, _>(now)
            .bind::<Array<Text>, _>(ids)
            .bind::<Array<Binary>, _>(hashes);
        match written.sealed {
            None => {
                let bodies: Vec<&str> = rows.iter().map(|row| row.body).collect();
                let query = query.bind::<Array<Text>, _>(bodies).bind::<Nullable<Binary>, _>(written.page_digest);
                Prepared(query).execute(self.connection).await?;
            }
            Some(sealed) => {
                let length = |row: &NewRecord<'_>| i32::try_from(row.body.len()).unwrap_or(i32::MAX);
                let lengths: Vec<i32> = rows.iter().map(length).collect();
                let query = query.bind::<Array<Binary>, _>(sealed).bind::<Array<Integer>, _>(lengths);
                Prepared(query).execute(self.connection).await?;
            }
        }
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
        let free = "SELECT set_config('enable_seqscan', 'on', true), set_config('plan_cache_mode', 'auto', true)";
        diesel::sql_query(free).execute(self.connection).await?;
        let deleted = diesel::sql_query(SQL)
            .bind::<Uuid, _>(sync)
            .bind::<Uuid, _>(run)
            .bind::<BigInt, _>(last_seq)
            .bind::<Timestamptz, _>(now)
            .execute(self.connection)
            .await?;
        Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
    }

    /// Moves the sync on and counts the page in its run, together with what was written before in this transaction. Where
    /// that is nothing (`may_be_lost`), nobody waits until it is on the disk: after a crash the page would be pulled again
    /// and found as it is. The last page also ends the run. Gives what the whole run did so far.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] if another worker has the run or it has ended.
    pub async fn end_page(
        &mut self,
        sync: SyncId,
        fence: RunFence,
        last_seq: i64,
        cursor: Option<&str>,
        brought: Brought,
    ) -> Result<Counts, StoreError> {
        const SQL: &str = "
WITH moved AS (UPDATE syncs SET last_seq = $2, cursor = $3, largest_record = greatest(largest_record, $12),
                   next_run_at = coalesce($15, next_run_at), failures = CASE WHEN $15 IS NULL THEN failures ELSE 0 END
               WHERE sync_id = $1 AND tenant_id = $4 AND environment_id = $5)
UPDATE runs SET pages = pages + 1, added = added + $6, updated = updated + $7, deleted = deleted + $8, unchanged = unchanged + $9,
    state = CASE WHEN $14 IS NULL THEN state ELSE 'succeeded' END, finished_at = $14
WHERE run_id = $10 AND fence = $11 AND state = 'running'
    AND CASE WHEN $13 THEN set_config('synchronous_commit', 'off', true) END IS DISTINCT FROM 'on'
RETURNING added, updated, deleted, unchanged";
        let Brought { counts, largest, may_be_lost, ending } = brought;
        let counted: Option<Counted> = Prepared(
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
                .bind::<BigInt, _>(fence.number)
                .bind::<Integer, _>(i32::try_from(largest).unwrap_or(i32::MAX))
                .bind::<Bool, _>(may_be_lost)
                .bind::<Nullable<Timestamptz>, _>(ending.map(|ending| ending.at))
                .bind::<Nullable<Timestamptz>, _>(ending.map(|ending| ending.next_run_at)),
        )
        .get_result(self.connection)
        .await
        .optional()?;
        let Counted { added, updated, deleted, unchanged } = counted.ok_or(SUPERSEDED)?;
        Ok(Counts {
            added: count("runs", added)?,
            updated: count("runs", updated)?,
            deleted: count("runs", deleted)?,
            unchanged: count("runs", unchanged)?,
        })
    }
}
