//! The change feed of a stream.

use domain::feed::{BadCursor, FeedCursor};
use ids::ConnectionId;
use store::{RecordRow, StoreError};

use crate::Ctx;

/// A page of the feed.
#[derive(Debug)]
pub struct RecordList {
    /// In the order of their latest change.
    pub records: Vec<RecordRow>,
    /// Where to go on, now or later.
    pub next: FeedCursor,
    /// Whether there is more now.
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

/// Records of a connection's stream that changed after the cursor, deleted ones too, in the order of their changes. A
/// reader that always goes on at `next` sees every record's latest state in the end and misses no change that lasts.
///
/// # Errors
/// [`ListError`].
pub async fn list(
    ctx: Ctx<'_>,
    connection: ConnectionId,
    stream: &str,
    cursor: Option<&str>,
    limit: u16,
) -> Result<RecordList, ListError> {
    let cursor = cursor.map(FeedCursor::decode).transpose()?;
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let sync = tx.syncs().find_by_stream(connection, stream).await?;
    let after = match cursor {
        None => 0,
        Some(cursor) if cursor.sync == sync.id => cursor.seq,
        Some(_) => return Err(ListError::BadCursor),
    };
    let mut records = tx.records().feed(sync.id, after, i64::from(limit).saturating_add(1)).await?;
    tx.commit().await?;
    let has_more = records.len() > usize::from(limit);
    records.truncate(limit.into());
    let seq = records.last().map_or(after, |record| record.seq);
    Ok(RecordList { records, next: FeedCursor { sync: sync.id, seq }, has_more })
}
