//! Many connections that the tenant brings along. An import knows how far it has come; rows that it has done are passed over
//! when they are sent again. By its `external_id`, or its end user, a row is known again in later imports too, so the
//! same file makes nothing twice. A row is whole or absent, and rows that are wrong do not hold up the others, unless
//! all are to be stored or none.

use std::collections::HashMap;

use domain::connect::FailureCode;
use futures_util::{StreamExt as _, stream};
use ids::{ImportId, IntegrationId};
use serde_json::json;
use store::{ImportErrorRow, ImportRow, Progress, RowKey, StoreError};

use super::{
    import::{Brought, How, Import, ImportError, Prepared, carried_through, prepare},
    rows::{Row, Said},
};
use crate::{
    Ctx, audit,
    connect::{Establish, Established, establish_all},
    credentials::SealError,
    integration::find,
};

/// Rows that are tried at their provider at the same time.
const AT_ONCE: usize = 8;

/// The most rows that are stored together or not at all.
pub const MOST_TOGETHER: usize = 10_000;

/// How rows are taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taking {
    /// Whether the credentials of connections that are there already are replaced.
    pub replace: bool,
    /// Whether nothing is stored unless all of these rows are right.
    pub all_or_nothing: bool,
    /// Whether these are the last rows.
    pub last: bool,
}

/// What became of rows.
#[derive(Debug)]
pub struct Taken {
    /// The import as it stands.
    pub import: ImportRow,
    /// What is wrong, by row.
    pub errors: Vec<ImportErrorRow>,
    /// Why the rows from the import's `next_row` on were not looked at.
    pub stopped: Option<String>,
}

/// Why rows were not taken.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// No such import in this environment.
    #[error("there is no such import")]
    NotFound,
    /// Something of the request is wrong.
    #[error("{0}: {1}")]
    Field(&'static str, String),
    /// Its end was said.
    #[error("the import is finished")]
    Finished,
    /// Somebody else sends rows of the same import.
    #[error("somebody else is sending rows of this import")]
    Superseded,
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for BulkError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            StoreError::Superseded(_) => Self::Superseded,
            other => Self::Store(other),
        }
    }
}

/// Begins an import, or finds the open one of the same file, whose SHA-256 `digest` is.
///
/// # Errors
/// [`BulkError`].
pub async fn open_import(ctx: Ctx<'_>, integration: &str, digest: Option<&[u8]>) -> Result<ImportRow, BulkError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let integration = match find(&mut tx, integration).await {
        Err(StoreError::NotFound) => {
            let words = "there is no such integration in this environment".to_owned();
            return Err(BulkError::Field("integration", words));
        }
        found => found?,
    };
    if let Some(digest) = digest
        && let Some(open) = tx.imports().open_of(integration.id, digest).await?
    {
        tx.commit().await?;
        return Ok(open);
    }
    let id = services.mint.id(ImportId::new);
    tx.imports().insert(id, integration.id, digest, &ctx.actor.to_string(), services.now()).await?;
    let detail = json!({ "integration": integration.id });
    tx.audit(audit::row(services, ctx.actor, "connections.import_begun", id, detail)).await?;
    let row = tx.imports().find(id).await?;
    tx.commit().await?;
    Ok(row)
}

/// An import with the first things that were wrong.
///
/// # Errors
/// [`BulkError::NotFound`].
pub async fn get_import(ctx: Ctx<'_>, id: ImportId, most_errors: i64) -> Result<Taken, BulkError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let import = tx.imports().find(id).await?;
    let errors = tx.imports().errors(id, most_errors).await?;
    tx.commit().await?;
    Ok(Taken { import, errors, stopped: None })
}

/// Takes rows, the first of which has this number in the import. Those that are done already are passed over.
///
/// # Errors
/// [`BulkError`]; what was made of rows until then stays made and is known again.
pub async fn take(ctx: Ctx<'_>, id: ImportId, first: u64, rows: Vec<Row>, taking: Taking) -> Result<Taken, BulkError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let import = tx.imports().find(id).await?;
    tx.commit().await?;
    if import.finished_at.is_some() {
        return Err(BulkError::Finished);
    }
    let done = u64::try_from(import.next_row).unwrap_or_default();
    let Some(skip) = done.checked_sub(first) else {
        return Err(BulkError::Field("first_row", format!("the next row is {done}; send from there")));
    };
    if taking.all_or_nothing && rows.len() > MOST_TOGETHER {
        let words = format!("at most {MOST_TOGETHER} rows are stored together");
        return Err(BulkError::Field("all_or_nothing", words));
    }
    let rows = rows.into_iter().skip(usize::try_from(skip).unwrap_or(usize::MAX));
    let rows = numbered(rows, id, import.integration, import.next_row);
    let done =
        if taking.all_or_nothing { together(ctx, rows, taking).await } else { one_by_one(ctx, rows, taking).await };
    let Done { results, stopped } = done?;

    let mut by = Progress { next_row: import.next_row, ..Progress::default() };
    let mut errors = Vec::new();
    for result in results {
        by.next_row += 1;
        match result {
            Ok(Brought::Made(_)) => by.made += 1,
            Ok(Brought::Present(_)) => by.present += 1,
            Err(of_row) => {
                by.wrong += 1;
                errors.extend(of_row);
            }
        }
    }
    let nothing = taking.all_or_nothing && stopped.is_some();
    let mut tx = services.store.begin(ctx.scope).await?;
    if !nothing && by.next_row > import.next_row {
        tx.imports().advance(id, import.next_row, by).await?;
        tx.imports().note_errors(id, &errors).await?;
    }
    if taking.last && stopped.is_none() {
        tx.imports().finish(id, services.now()).await?;
        let row = tx.imports().find(id).await?;
        let detail = json!({ "made": row.made, "present": row.present, "wrong": row.wrong });
        tx.audit(audit::row(services, ctx.actor, "connections.imported", id, detail)).await?;
    }
    let import = tx.imports().find(id).await?;
    tx.commit().await?;
    Ok(Taken { import, errors, stopped })
}

/// A row with its place.
struct Numbered {
    number: i64,
    line: i64,
    said: Result<(RowKey, Import), Vec<(String, String)>>,
}

impl Numbered {
    fn errors(&self, wrong: Vec<(String, String)>) -> Vec<ImportErrorRow> {
        let row = |(field, words)| ImportErrorRow { row_number: self.number, line: self.line, field, words };
        wrong.into_iter().map(row).collect()
    }
}

/// Gives rows their numbers and keys; of two that would be known by the same, the second is wrong.
fn numbered(
    rows: impl Iterator<Item = Row>,
    import: ImportId,
    integration: IntegrationId,
    first: i64,
) -> Vec<Numbered> {
    let mut lines: HashMap<String, i64> = HashMap::new();
    let number = |(row, number): (Row, i64)| {
        let line = i64::try_from(row.line).unwrap_or(i64::MAX);
        let said = row.said.and_then(|Said { external_id, import: mut wanted }| {
            check_names(external_id.as_deref(), &wanted)?;
            integration.to_string().clone_into(&mut wanted.integration);
            let key = match external_id {
                Some(id) => format!("id {id}"),
                None => format!("user {}", wanted.end_user.id),
            };
            if let Some(earlier) = lines.insert(key.clone(), line) {
                let words = format!("line {earlier} is known by the same: give each an external_id of its own");
                return Err(vec![("external_id".to_owned(), words)]);
            }
            Ok((RowKey { key, import, row_number: number }, wanted))
        });
        Numbered { number, line, said }
    };
    rows.zip(first..).map(number).collect()
}

fn check_names(external_id: Option<&str>, wanted: &Import) -> Result<(), Vec<(String, String)>> {
    let is_good =
        |text: &str| !text.trim().is_empty() && text.chars().count() <= 255 && !text.chars().any(char::is_control);
    let mut wrong = Vec::new();
    if !is_good(&wanted.end_user.id) {
        wrong.push(("end_user.id".to_owned(), "is required: 1 to 255 characters that can be printed".to_owned()));
    }
    if external_id.is_some_and(|id| !is_good(id)) {
        wrong.push(("external_id".to_owned(), "must be 1 to 255 characters that can be printed".to_owned()));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// What became of each row, in order, up to where it was stopped.
struct Done {
    results: Vec<Result<Brought, Vec<ImportErrorRow>>>,
    stopped: Option<String>,
}

/// What a failure means: wrong fields of the row, or a reason to look at no more rows.
enum Meaning {
    Wrong(Vec<(String, String)>),
    Stop(String),
}

fn meaning(error: ImportError) -> Meaning {
    match error {
        ImportError::Fields(fields) => Meaning::Wrong(fields),
        // Not the row's fault: it would be the same for those after it.
        ImportError::Refused(failure) if failure.code == FailureCode::ProviderUnreachable => {
            Meaning::Stop(failure.detail)
        }
        ImportError::Refused(failure) => Meaning::Wrong(vec![(String::new(), failure.detail)]),
        ImportError::Misconfigured(detail) => Meaning::Stop(detail),
        error @ (ImportError::Seal(_) | ImportError::Store(_) | ImportError::BrokeOff(_)) => {
            Meaning::Stop(error.to_string())
        }
    }
}

async fn one_by_one(ctx: Ctx<'_>, rows: Vec<Numbered>, taking: Taking) -> Result<Done, BulkError> {
    let bring = async |row: Numbered| {
        let result = match &row.said {
            Err(wrong) => Err(Meaning::Wrong(wrong.clone())),
            Ok((key, import)) => {
                let how = || How { key: Some(key.clone()), replace: taking.replace, renew: true };
                let brought = match carried_through(ctx, import.clone(), how()).await {
                    // Somebody else made a connection of the same key at this moment: now it shows.
                    Err(ImportError::Store(StoreError::Conflict { .. })) => {
                        carried_through(ctx, import.clone(), how()).await
                    }
                    brought => brought,
                };
                brought.map_err(meaning)
            }
        };
        (row, result)
    };
    let mut done = Done { results: Vec::new(), stopped: None };
    let mut brought = std::pin::pin!(stream::iter(rows).map(bring).buffered(AT_ONCE));
    while let Some((row, result)) = brought.next().await {
        match result {
            Ok(one) => done.results.push(Ok(one)),
            Err(Meaning::Wrong(wrong)) => done.results.push(Err(row.errors(wrong))),
            Err(Meaning::Stop(reason)) => {
                done.stopped = Some(format!("row {} (line {}): {reason}", row.number + 1, row.line));
                break;
            }
        }
    }
    Ok(done)
}

async fn together(ctx: Ctx<'_>, rows: Vec<Numbered>, taking: Taking) -> Result<Done, BulkError> {
    let try_one = async |row: &Numbered| match &row.said {
        Err(wrong) => Err(Meaning::Wrong(wrong.clone())),
        Ok((key, import)) => {
            let how = How { key: Some(key.clone()), replace: taking.replace, renew: false };
            prepare(ctx, import.clone(), how).await.map_err(meaning)
        }
    };
    let tried: Vec<_> = stream::iter(&rows).map(try_one).buffered(AT_ONCE).collect().await;
    let (mut ready, mut places): (Vec<Establish<'static>>, Vec<usize>) = (Vec::new(), Vec::new());
    let (mut results, mut wrong_rows, mut stopped) = (Vec::new(), 0_usize, None);
    for (at, (row, one)) in rows.iter().zip(tried).enumerate() {
        match one {
            Ok(Prepared::Present(id)) => results.push(Ok(Brought::Present(id))),
            Ok(Prepared::Ready(wanted)) => {
                ready.push(*wanted);
                places.push(at);
                // What it really is shows when all are written.
                results.push(Err(Vec::new()));
            }
            Err(Meaning::Wrong(wrong)) => {
                wrong_rows += 1;
                results.push(Err(row.errors(wrong)));
            }
            Err(Meaning::Stop(reason)) => {
                let words = format!("Nothing was stored: row {} (line {}): {reason}", row.number + 1, row.line);
                stopped.get_or_insert(words);
            }
        }
    }
    if stopped.is_none() && wrong_rows > 0 {
        stopped = Some(format!("Nothing was stored: {wrong_rows} of {} rows are wrong.", rows.len()));
    }
    if stopped.is_some() {
        return Ok(Done { results, stopped });
    }
    match establish_all(ctx, &ready).await {
        Ok(Ok(established)) => {
            for (at, one) in places.into_iter().zip(established) {
                let Established::Connected { connection, is_new, .. } = one else { continue };
                let brought =
                    if is_new || taking.replace { Brought::Made(connection) } else { Brought::Present(connection) };
                if let Some(result) = results.get_mut(at) {
                    *result = Ok(brought);
                }
            }
            Ok(Done { results, stopped: None })
        }
        Ok(Err((at, failure))) => {
            let row = places.get(at).and_then(|at| rows.get(*at).map(|row| (*at, row)));
            let words = match row {
                Some((at, row)) => {
                    if let Some(result) = results.get_mut(at) {
                        *result = Err(row.errors(vec![(String::new(), failure.detail)]));
                    }
                    format!("Nothing was stored: 1 of {} rows is wrong.", rows.len())
                }
                None => format!("Nothing was stored: {}", failure.detail),
            };
            Ok(Done { results, stopped: Some(words) })
        }
        Err(SealError::Store(error @ StoreError::Conflict { .. })) => {
            Ok(Done { results, stopped: Some(format!("Nothing was stored: {error}; try again.")) })
        }
        Err(SealError::Store(error)) => Err(error.into()),
        Err(error @ SealError::Keys(_)) => Ok(Done { results, stopped: Some(format!("Nothing was stored: {error}")) }),
    }
}
