//! All records of a stream as one file: JSON Lines or Parquet. Everything in it is as it was at one moment, in the order of
//! the latest changes, made as it is read and never whole in memory.

use std::time::Duration;

use bytes::Bytes;
use domain::{Scope, feed::FeedCursor};
use futures_util::Stream;
use ids::ConnectionId;
use store::{Feed, RecordFilter, RecordRange, StoreError, StreamOf, Tx};
use vault::RowKey;

use super::{
    ListError,
    export_parquet::ParquetFile,
    key,
    list::{missed_nothing, start},
    parts::{self, Parts},
    shown::{RecordView, need_key, shown, write_json},
};
use crate::{Ctx, Place, Places, Services, credentials::SealError};

/// Records read at once.
const ROWS: i64 = 2_000;
/// Bytes of them; the last one may go beyond.
const BYTES: i64 = 4 << 20;
/// Exports at once: each holds a connection to the database and keeps what is overwritten from being cleaned up.
const AT_ONCE: usize = 4;
/// Exports of one tenant at once.
const AT_ONCE_OF_ONE: usize = 2;
/// How long a part may take to be read. Somewhat less than Postgres waits for the next query of a snapshot.
const PATIENCE: Duration = Duration::from_secs(50);

/// The places of those who export.
#[must_use]
pub fn export_places() -> Places {
    Places::new(AT_ONCE, AT_ONCE_OF_ONE)
}

/// What the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// A record on each line, with the cursor to go on after it.
    JsonLines,
    /// Apache Parquet, whole or not at all: what ends it says where everything lies.
    Parquet,
}

/// Why there is no export, or no more of it.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// As for the feed.
    #[error(transparent)]
    Read(#[from] ListError),
    /// There are as many exports already as there may be.
    #[error("as many exports are under way as may be")]
    Busy,
    /// It was not read on for too long.
    #[error("the export was broken off")]
    BrokenOff,
    /// The file could not be written: a defect of ours.
    #[error("{0}")]
    Write(String),
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        Self::Read(error.into())
    }
}

impl From<SealError> for ExportError {
    fn from(error: SealError) -> Self {
        Self::Read(error.into())
    }
}

/// A file that is made as it is read.
pub struct Export<S> {
    /// The bytes. It ends with an error if it breaks off.
    pub bytes: S,
    /// Where the feed goes on after everything that is in it.
    pub next: FeedCursor,
}

enum File {
    JsonLines,
    /// `None` once its end was written.
    Parquet(Option<Box<ParquetFile>>),
}

/// An export under way.
struct Work {
    services: Services,
    scope: Scope,
    feed: Feed,
    /// `None` when everything was read.
    tx: Option<Tx<Scope>>,
    at: FeedCursor,
    key: Option<RowKey>,
    file: File,
    _place: Place,
}

/// Exports the records of a connection's stream that changed after the cursor, all of them without one, deleted ones too.
/// JSON Lines that broke off go on at the cursor of the last whole line.
///
/// # Errors
/// [`ExportError`], before anything is given.
pub async fn export(
    ctx: Ctx<'_>,
    connection: ConnectionId,
    of: StreamOf<'_>,
    cursor: Option<&str>,
    format: ExportFormat,
) -> Result<Export<impl Stream<Item = Result<Bytes, ExportError>> + Send + use<>>, ExportError> {
    let cursor = cursor.map(FeedCursor::decode).transpose().map_err(ListError::from)?;
    let place = ctx.services.exports.take(ctx.scope.tenant).ok_or(ExportError::Busy)?;
    let (services, now) = (ctx.services.clone(), ctx.services.now());
    let mut tx = services.store.begin_snapshot(ctx.scope).await?;
    let feed = tx.records().feed(connection, of).await?;
    let at = start(feed.sync_id, cursor, now)?;
    missed_nothing(&mut tx, cursor).await?;
    let next = at.moved(feed.last_seq, true, now);
    let file = match format {
        ExportFormat::JsonLines => File::JsonLines,
        ExportFormat::Parquet => File::Parquet(Some(Box::new(ParquetFile::begin(&next.encode())?))),
    };
    let work = Work { services, scope: ctx.scope, feed, tx: Some(tx), at, key: None, file, _place: place };
    Ok(Export { bytes: parts::file(work, PATIENCE), next })
}

impl Parts for Work {
    async fn part(&mut self) -> Result<Option<Bytes>, ExportError> {
        let part = self.more().await;
        if let Err(error) = &part {
            tracing::error!(sync.id = %self.feed.sync_id, %error, "an export of records broke off");
        }
        part
    }
}

impl Work {
    /// More of the file; `None` at its end.
    async fn more(&mut self) -> Result<Option<Bytes>, ExportError> {
        while let Some(records) = self.read().await? {
            let bytes = match &mut self.file {
                File::JsonLines => {
                    let mut lines = Vec::with_capacity(records.iter().map(size).sum());
                    for record in &records {
                        let here = FeedCursor { seq: record.seq, ..self.at };
                        write_json(&mut lines, record, Some(&here.encode()));
                        lines.push(b'\n');
                    }
                    Bytes::from(lines)
                }
                File::Parquet(file) => {
                    let file = file.take().ok_or_else(|| ExportError::Write("the file has ended".to_owned()))?;
                    let (file, bytes) = computed(move || file.add(records)).await?;
                    self.file = File::Parquet(Some(file));
                    bytes
                }
            };
            // A group of rows may not be full yet.
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        match &mut self.file {
            File::JsonLines => Ok(None),
            File::Parquet(file) => match file.take() {
                None => Ok(None),
                Some(file) => Ok(Some(computed(move || file.end()).await?)),
            },
        }
    }

    /// The next records; `None` if there are none any more.
    async fn read(&mut self) -> Result<Option<Vec<RecordView>>, ExportError> {
        let Some(tx) = &mut self.tx else { return Ok(None) };
        let range =
            RecordRange { feed: self.feed, after: self.at.seq, upto: self.feed.last_seq, rows: ROWS, bytes: BYTES };
        let slice = tx.records().read(range, &RecordFilter::default()).await?;
        if !slice.has_more
            && let Some(tx) = self.tx.take()
        {
            tx.commit().await?;
        }
        let Some(last) = slice.rows.last().map(|row| row.seq) else { return Ok(None) };
        if self.key.is_none() && need_key(&slice.rows) {
            self.key = key::find(&self.services, self.scope, self.feed.sync_id).await?;
        }
        let show = |row| shown(row, self.key.as_ref(), None);
        let records = slice.rows.into_iter().map(show).collect::<Result<_, _>>().map_err(ListError::from)?;
        self.at = self.at.moved(last, false, self.services.now());
        Ok(Some(records))
    }
}

/// Bytes of a record as a line, or somewhat more.
fn size(record: &RecordView) -> usize {
    record.data.as_ref().map_or(0, String::len) + record.id.len() + 250
}

/// Computes beside the runtime's threads.
async fn computed<T: Send + 'static>(
    compute: impl FnOnce() -> Result<T, ExportError> + Send + 'static,
) -> Result<T, ExportError> {
    let done = tokio::task::spawn_blocking(compute).await;
    done.map_err(|error| ExportError::Write(error.to_string()))?
}
