//! Reading records in the order of their changes, a bounded number and a bounded size at a time.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;
use ids::{ConnectionId, SyncId};

use crate::{StoreError, prepared::Prepared, records::Records};

/// A record as stored.
#[derive(Debug, Clone, QueryableByName)]
pub struct RecordRow {
    /// The provider's id of it.
    #[diesel(sql_type = Text)]
    pub external_id: String,
    /// Number of its latest change.
    #[diesel(sql_type = BigInt)]
    pub seq: i64,
    /// The record as JSON text; `None` if it is sealed or was pruned.
    #[diesel(sql_type = Nullable<Text>)]
    pub body: Option<String>,
    /// The record sealed under the sync's record key; empty if it was pruned.
    #[diesel(sql_type = Nullable<Binary>)]
    pub sealed_body: Option<Vec<u8>>,
    /// When it was first seen.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
    /// When its content last changed.
    #[diesel(sql_type = Timestamptz)]
    pub updated_at: DateTime<Utc>,
    /// Since when it is gone.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub deleted_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    found: i64,
}

/// A stream's feed as it stands.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Feed {
    /// Whose.
    #[diesel(sql_type = Uuid)]
    pub sync_id: SyncId,
    /// The highest number given to a change: every change up to it is there for what is read after this.
    #[diesel(sql_type = BigInt)]
    pub last_seq: i64,
    /// Bytes of the largest record that was ever in it.
    #[diesel(sql_type = Integer)]
    pub largest_record: i32,
    /// Whether records of it lie sealed.
    #[diesel(sql_type = Bool)]
    pub has_key: bool,
}

/// Which records to read.
#[derive(Debug, Clone, Copy)]
pub struct RecordRange {
    /// Of which feed.
    pub feed: Feed,
    /// Changed after this number.
    pub after: i64,
    /// Changed at this number or before.
    pub upto: i64,
    /// The most records.
    pub rows: i64,
    /// No further record once there are so many bytes of them.
    pub bytes: i64,
}

/// What records must be like. Nothing asks for everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordFilter {
    /// One of these ids.
    pub ids: Option<Vec<String>>,
    /// The latest change is one of these: `added`, `updated`, `deleted`.
    pub changes: Option<Vec<&'static str>>,
    /// Changed then or later.
    pub since: Option<DateTime<Utc>>,
    /// Changed before then.
    pub before: Option<DateTime<Utc>>,
    /// A JSON object that the record contains, as Postgres' `@>` has it. Sealed records contain nothing.
    pub holds: Option<String>,
}

/// Some of the records.
#[derive(Debug, Clone)]
pub struct RecordSlice {
    /// In the order of their changes.
    pub rows: Vec<RecordRow>,
    /// Whether there are more in the range.
    pub has_more: bool,
}

// Windows over the rows that the limit let through: those before the bytes are used up are given, and one in any case.
macro_rules! read {
    ($($filter:tt)*) => {
        concat!(
            "
SELECT external_id, seq, body::text AS body, sealed_body, created_at, updated_at, deleted_at, found FROM (
    SELECT one.*, sum(body_bytes) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) - body_bytes AS bytes_before, count(*) OVER () AS found
    FROM (SELECT external_id, seq, body, sealed_body, body_bytes, created_at, updated_at, deleted_at FROM records
          WHERE sync_id = $1 AND tenant_id = $2 AND environment_id = $3 AND seq > $4 AND seq <= $5",
            $($filter)*
            " ORDER BY seq LIMIT $6) one) page
WHERE bytes_before < $7 ORDER BY seq"
        )
    };
}

// Where so many of the largest are not too much, which is nearly always: windows cost half as much as all the rest.
macro_rules! read_small {
    ($($filter:tt)*) => {
        concat!(
            "
SELECT external_id, seq, body::text AS body, sealed_body, created_at, updated_at, deleted_at, 0::bigint AS found FROM records
WHERE sync_id = $1 AND tenant_id = $2 AND environment_id = $3 AND seq > $4 AND seq <= $5",
            $($filter)*
            " ORDER BY seq LIMIT least($6, $7)"
        )
    };
}

macro_rules! filter {
    () => {
        " AND ($8::timestamptz IS NULL OR updated_at >= $8) AND ($9::timestamptz IS NULL OR updated_at < $9)
          AND ($10::text[] IS NULL OR CASE WHEN deleted_at IS NOT NULL THEN 'deleted' WHEN created_at = updated_at THEN 'added'
              ELSE 'updated' END = ANY ($10))
          AND ($11::text IS NULL OR body @> $11::text::jsonb)"
    };
}

impl RecordFilter {
    /// Whether it asks for everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Which of a connection's syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamOf<'n> {
    /// The stream.
    pub stream: &'n str,
    /// Its variant; empty for the sync that every connection has.
    pub variant: &'n str,
}

impl<'n> From<&'n str> for StreamOf<'n> {
    fn from(stream: &'n str) -> Self {
        Self { stream, variant: "" }
    }
}

impl Records<'_> {
    /// Records of a sync in the order of their latest changes. One more than the limit is looked for, to say whether there
    /// are more.
    ///
    /// # Errors
    /// The query failed.
    pub async fn read(&mut self, range: RecordRange, filter: &RecordFilter) -> Result<RecordSlice, StoreError> {
        // By the change's number, or by the ids: each has its index, and the planner is not left the choice.
        let is_small = i64::from(range.feed.largest_record).saturating_mul(range.rows) <= range.bytes;
        let sql = match (filter.is_empty(), filter.ids.is_some(), is_small) {
            (true, _, true) => read_small!(),
            (true, _, false) => read!(),
            (false, false, true) => read_small!(filter!(),),
            (false, false, false) => read!(filter!(),),
            (false, true, true) => read_small!(filter!(), " AND external_id = ANY ($12)",),
            (false, true, false) => read!(filter!(), " AND external_id = ANY ($12)",),
        };
        let query = diesel::sql_query(sql)
            .bind::<Uuid, _>(range.feed.sync_id)
            .bind::<Uuid, _>(self.scope.tenant)
            .bind::<Uuid, _>(self.scope.environment)
            .bind::<BigInt, _>(range.after)
            .bind::<BigInt, _>(range.upto)
            .bind::<BigInt, _>(range.rows.saturating_add(1))
            .bind::<BigInt, _>(range.bytes);
        let mut rows: Vec<RecordRow> = if filter.is_empty() {
            Prepared(query).load(self.connection).await?
        } else {
            let query = query
                .bind::<Nullable<Timestamptz>, _>(filter.since)
                .bind::<Nullable<Timestamptz>, _>(filter.before)
                .bind::<Nullable<Array<Text>>, _>(filter.changes.as_ref())
                .bind::<Nullable<Text>, _>(filter.holds.as_ref());
            match &filter.ids {
                None => query.load(self.connection).await?,
                Some(ids) => query.bind::<Array<Text>, _>(ids).load(self.connection).await?,
            }
        };
        let most = usize::try_from(range.rows).unwrap_or(usize::MAX);
        let found = rows.iter().map(|row| usize::try_from(row.found).unwrap_or_default()).max().unwrap_or_default();
        let found = found.max(rows.len());
        rows.truncate(most);
        Ok(RecordSlice { has_more: found > rows.len(), rows })
    }

    /// The feed of a connection's stream.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn feed<'n>(
        &mut self,
        connection: ConnectionId,
        of: impl Into<StreamOf<'n>>,
    ) -> Result<Feed, StoreError> {
        let StreamOf { stream, variant } = of.into();
        let sql = "
SELECT s.sync_id, s.last_seq, s.largest_record, EXISTS (SELECT FROM record_keys k WHERE k.sync_id = s.sync_id) AS has_key
FROM syncs s WHERE s.connection_id = $1 AND s.stream = $2 AND s.tenant_id = $3 AND s.environment_id = $4 AND s.variant = $5";
        let query = diesel::sql_query(sql)
            .bind::<Uuid, _>(connection)
            .bind::<Text, _>(stream)
            .bind::<Uuid, _>(self.scope.tenant)
            .bind::<Uuid, _>(self.scope.environment)
            .bind::<Text, _>(variant);
        Ok(Prepared(query).get_result(self.connection).await?)
    }

    /// The number at which so many records of the range were passed; `None` if it has not as many. It reads the index alone.
    ///
    /// # Errors
    /// The query failed.
    pub async fn milestone(&mut self, range: RecordRange, passed: i64) -> Result<Option<i64>, StoreError> {
        #[derive(QueryableByName)]
        struct Milestone {
            #[diesel(sql_type = BigInt)]
            seq: i64,
        }
        let found: Option<Milestone> = Prepared(
            diesel::sql_query(
                "SELECT seq FROM records WHERE sync_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq OFFSET $4 LIMIT 1",
            )
            .bind::<Uuid, _>(range.feed.sync_id)
            .bind::<BigInt, _>(range.after)
            .bind::<BigInt, _>(range.upto)
            .bind::<BigInt, _>(passed.saturating_sub(1).max(0)),
        )
        .get_result(self.connection)
        .await
        .optional()?;
        Ok(found.map(|found| found.seq))
    }
}
