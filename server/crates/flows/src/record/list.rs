//! The change feed of a stream.

use domain::{
    Scope,
    content::ContentHasher,
    feed::{BadCursor, FeedCursor},
};
use ids::{ConnectionId, SyncId};
use store::{RecordFilter, RecordRange, StoreError, StreamOf, Tx};
use vault::KeyError;

use super::{
    Fields, key,
    shown::{RecordView, need_key, shown},
};
use crate::{Ctx, credentials::SealError};

/// Bytes of records on a page, as plugins gave them; the last one may go beyond.
const PAGE_BYTES: i64 = 8 << 20;
/// Records that a filter looks through for one page; then the page ends, however little was found.
const LOOKED_THROUGH: i64 = 20_000;
/// Bytes of what records shall contain.
const MOST_HELD: usize = 4096;
/// Ids that can be asked for.
const MOST_IDS: usize = 100;

/// Which records are wanted.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// Whose.
    pub connection: ConnectionId,
    /// Of which stream.
    pub stream: &'a str,
    /// By which of the stream's syncs; none for the one that every connection has.
    pub variant: Option<&'a str>,
    /// Where to go on.
    pub cursor: Option<&'a str>,
    /// How many at most.
    pub limit: u16,
    /// What they must be like.
    pub filter: RecordFilter,
    /// What of them is wanted.
    pub fields: Option<Fields>,
}

/// A page of the feed.
#[derive(Debug)]
pub struct RecordList {
    /// In the order of their latest change.
    pub records: Vec<RecordView>,
    /// Where to go on, now or later.
    pub next: FeedCursor,
    /// Whether there is more now, or may be.
    pub has_more: bool,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// No such connection or stream here.
    #[error("there is no such connection, or it has no such stream")]
    NotFound,
    /// The cursor is not one of this stream's feed.
    #[error("the cursor is not one of this stream's; give `next_cursor` of an earlier page, or none to begin")]
    BadCursor,
    /// Deleted records were removed that the reader has not heard of.
    #[error("deleted records that were removed meanwhile came after this cursor: begin anew, without one")]
    Missed,
    /// Something of the request is wrong.
    #[error("{0}: {1}")]
    Field(&'static str, String),
    /// Sealed records do not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ListError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

impl From<BadCursor> for ListError {
    fn from(_: BadCursor) -> Self {
        Self::BadCursor
    }
}

impl From<KeyError> for ListError {
    fn from(error: KeyError) -> Self {
        Self::Seal(error.into())
    }
}

/// Records of a connection's stream that changed after the cursor, deleted ones too, in the order of their changes. A
/// reader that always goes on at `next` sees every record's latest state in the end and misses no change that lasts; one
/// that has is told to begin anew ([`ListError::Missed`]).
///
/// With a filter a page looks through a bounded number of records; it may be empty and not the last.
///
/// # Errors
/// [`ListError`].
pub async fn list(ctx: Ctx<'_>, wanted: Wanted<'_>) -> Result<RecordList, ListError> {
    let services = ctx.services;
    let filter = &wanted.filter;
    check(filter)?;
    let cursor = wanted.cursor.map(FeedCursor::decode).transpose()?;
    let now = services.now();
    let mut tx = services.store.begin(ctx.scope).await?;
    // Its number is read first: every change up to it is there for whatever is asked after that.
    let of = StreamOf { stream: wanted.stream, variant: wanted.variant.unwrap_or_default() };
    let feed = tx.records().feed(wanted.connection, of).await?;
    if filter.holds.is_some() && feed.has_key {
        let words = "the records of this stream are sealed, so the database cannot look into them";
        return Err(ListError::Field("where", words.to_owned()));
    }
    let here = start(feed.sync_id, cursor, now)?;
    let rows = wanted.limit.into();
    let mut range = RecordRange { feed, after: here.seq, upto: feed.last_seq, rows, bytes: PAGE_BYTES };
    // What is asked for by its id is found by it; the rest is looked through.
    let mut is_cut = false;
    if !filter.is_empty()
        && filter.ids.is_none()
        && let Some(milestone) = tx.records().milestone(range, LOOKED_THROUGH).await?
    {
        is_cut = milestone < feed.last_seq;
        range.upto = milestone;
    }
    let slice = tx.records().read(range, filter).await?;
    missed_nothing(&mut tx, cursor).await?;
    tx.commit().await?;
    let last = slice.rows.last().map(|row| row.seq).filter(|_| slice.has_more);
    let at_end = last.is_none() && !is_cut;
    let next = here.moved(last.unwrap_or(range.upto), at_end, now);
    let key = if need_key(&slice.rows) { key::find(services, ctx.scope, feed.sync_id).await? } else { None };
    let show = |row| shown(row, key.as_ref(), wanted.fields.as_ref());
    let records = slice.rows.into_iter().map(show).collect::<Result<_, _>>()?;
    Ok(RecordList { records, next, has_more: !at_end })
}

/// Where a reader of this sync's feed stands.
///
/// # Errors
/// The cursor is another feed's.
pub(super) fn start(
    sync: SyncId,
    cursor: Option<FeedCursor>,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<FeedCursor, ListError> {
    match cursor {
        None => Ok(FeedCursor::beginning(sync, now)),
        Some(cursor) if cursor.sync == sync => Ok(cursor),
        Some(_) => Err(ListError::BadCursor),
    }
}

/// Holds a cursor against what was removed. After the records were read: what is removed between the two is noticed.
///
/// # Errors
/// [`ListError::Missed`].
pub(super) async fn missed_nothing(tx: &mut Tx<Scope>, cursor: Option<FeedCursor>) -> Result<(), ListError> {
    let Some(cursor) = cursor else { return Ok(()) };
    let upkeep = tx.records().upkeep(cursor.sync).await?;
    match upkeep.pruned_before {
        Some(before) if cursor.has_missed(upkeep.pruned_seq, before) => Err(ListError::Missed),
        _ => Ok(()),
    }
}

fn check(filter: &RecordFilter) -> Result<(), ListError> {
    if let Some(holds) = &filter.holds {
        if holds.len() > MOST_HELD {
            return Err(ListError::Field("where", format!("may have {MOST_HELD} bytes at most")));
        }
        // What cannot be stored cannot be contained either, and Postgres would not take it.
        ContentHasher::default().hash(holds).map_err(|error| ListError::Field("where", error.to_string()))?;
    }
    if let Some(ids) = &filter.ids
        && (ids.len() > MOST_IDS || ids.iter().any(|id| id.is_empty() || id.contains('\0')))
    {
        return Err(ListError::Field("id", format!("must be 1 to {MOST_IDS} ids with commas between them")));
    }
    Ok(())
}
