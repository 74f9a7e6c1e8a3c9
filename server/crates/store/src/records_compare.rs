//! Comparing a page with what is stored.

use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Binary, Bool, Text, Uuid},
};
use diesel_async::RunQueryDsl;
use ids::SyncId;

use crate::{StoreError, prepared::Prepared, records::Records};

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

/// A page, to be compared as a whole.
#[derive(Debug, Clone, Copy)]
pub struct WholePage<'a> {
    /// The id of its first record.
    pub first: &'a str,
    /// The id of its last.
    pub last: &'a str,
    /// How many there are.
    pub count: i64,
    /// SHA-256 over all: of each the id, a zero byte and the 32 bytes of its hash. Ids hold no zero bytes, so no two pages
    /// give the same bytes.
    pub digest: &'a [u8],
}

#[derive(QueryableByName)]
struct Same {
    #[diesel(sql_type = Bool)]
    is_same: bool,
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

impl Records<'_> {
    /// Whether a page came before as it is now, to the byte, and nothing of it was changed since. The digest of the page lies
    /// beside its first record, and its records bear numbers without a gap from that one's on; whatever changes one of them
    /// gives it another number. `false` says nothing.
    ///
    /// # Errors
    /// The query failed.
    pub async fn lies_as_it_came(
        &mut self,
        sync: SyncId,
        first: &str,
        count: i64,
        digest: &[u8],
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
WITH first AS MATERIALIZED (SELECT seq FROM records WHERE sync_id = $1 AND external_id = $2 AND page_digest = $3)
SELECT count(*) = $4 AS is_same FROM records
WHERE sync_id = $1 AND seq >= (SELECT seq FROM first) AND seq < (SELECT seq FROM first) + $4";
        let same: Same = Prepared(
            diesel::sql_query(SQL)
                .bind::<Uuid, _>(sync)
                .bind::<Text, _>(first)
                .bind::<Binary, _>(digest)
                .bind::<BigInt, _>(count),
        )
        .get_result(self.connection)
        .await?;
        Ok(same.is_same)
    }

    /// Whether a page lies there as it is: its records were once written one after the other, in its order, and none was
    /// changed since, so they bear numbers without a gap. A quarter of the cost of looking each of them up, and most pages of
    /// a stream that is pulled anew are so. `false` says nothing.
    ///
    /// # Errors
    /// The query failed.
    pub async fn lies_as_it_is(&mut self, sync: SyncId, page: WholePage<'_>) -> Result<bool, StoreError> {
        const SQL: &str = "
WITH ends AS MATERIALIZED (
    SELECT (SELECT seq FROM records WHERE sync_id = $1 AND external_id = $2) AS first,
           (SELECT seq FROM records WHERE sync_id = $1 AND external_id = $3) AS last)
SELECT coalesce(count(*) = $4 AND sha256(string_agg(one, ''::bytea)) = $5, false) AS is_same FROM (
    SELECT CASE WHEN deleted_at IS NULL THEN convert_to(external_id, 'UTF8') || '\\x00'::bytea || content_hash END AS one
    FROM records WHERE sync_id = $1 AND seq >= (SELECT first FROM ends) AND seq <= (SELECT last FROM ends)
        AND (SELECT last - first + 1 = $4 FROM ends)
    ORDER BY seq) page";
        let same: Same = Prepared(
            diesel::sql_query(SQL)
                .bind::<Uuid, _>(sync)
                .bind::<Text, _>(page.first)
                .bind::<Text, _>(page.last)
                .bind::<BigInt, _>(page.count)
                .bind::<Binary, _>(page.digest),
        )
        .get_result(self.connection)
        .await?;
        Ok(same.is_same)
    }

    /// Which of these records, no two of one id, are not as stored; after [`Records::lock_for_page`]. `keyed` are their keyed
    /// hashes, where some may lie there sealed. The lateral join with its limit is on purpose: while a young table has no
    /// statistics, the planner would read all records of the sync for each page. The plan may be kept while the table
    /// grows, so it must be that of a large one from the beginning: each record by the primary key, which is the only
    /// index with both columns in it.
    ///
    /// # Errors
    /// The query failed.
    pub async fn differences(
        &mut self,
        sync: SyncId,
        ids: &[&str],
        hashes: &[&[u8]],
        keyed: Option<&[&[u8]]>,
    ) -> Result<Vec<Difference>, StoreError> {
        const PLAIN: &str = "
SELECT page.place, r.external_id IS NOT NULL AS is_known, r.deleted_at IS NOT NULL AS is_gone
FROM unnest($2, $3) WITH ORDINALITY AS page (id, hash, place)
LEFT JOIN LATERAL (
    SELECT external_id, content_hash, deleted_at FROM records WHERE sync_id = $1 AND external_id = page.id LIMIT 1) r ON true
WHERE r.external_id IS NULL OR r.content_hash <> page.hash OR r.deleted_at IS NOT NULL
ORDER BY page.place";
        const KEYED: &str = "
SELECT page.place, r.external_id IS NOT NULL AS is_known, r.deleted_at IS NOT NULL AS is_gone
FROM unnest($2, $3, $4) WITH ORDINALITY AS page (id, hash, keyed, place)
LEFT JOIN LATERAL (
    SELECT external_id, content_hash, deleted_at, sealed_body IS NOT NULL AS is_sealed
    FROM records WHERE sync_id = $1 AND external_id = page.id LIMIT 1) r ON true
WHERE r.external_id IS NULL OR r.deleted_at IS NOT NULL
    OR r.content_hash <> CASE WHEN r.is_sealed THEN page.keyed ELSE page.hash END
ORDER BY page.place";
        let query = diesel::sql_query(if keyed.is_some() { KEYED } else { PLAIN })
            .bind::<Uuid, _>(sync)
            .bind::<Array<Text>, _>(ids)
            .bind::<Array<Binary>, _>(hashes);
        let rows: Vec<DifferenceColumns> = match keyed {
            None => Prepared(query).load(self.connection).await?,
            Some(keyed) => Prepared(query.bind::<Array<Binary>, _>(keyed)).load(self.connection).await?,
        };
        let difference = |row: DifferenceColumns| Difference {
            index: usize::try_from(row.place).unwrap_or_default().saturating_sub(1),
            is_known: row.is_known,
            is_gone: row.is_gone,
        };
        Ok(rows.into_iter().map(difference).collect())
    }
}
