//! One page into the records, in one transaction with its cursor.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_lc_rs::digest;
use domain::{
    Scope,
    content::{ContentError, ContentHasher, page_digest},
    run::{Counts, LogLevel},
};
use plugin_host::{Item, Page};
use store::{Brought, Ending, NewRecord, PagePlace, StoreError, Tx, WholePage, Written};
use tokio::task::{JoinError, JoinHandle};
use vault::RowKey;

use super::{end, journal::Journal, run::Held, schedule::next_run};
use crate::{Services, credentials::SealError, record};

/// Bytes of a record's id: an index has to hold it.
const LONGEST_ID: usize = 512;

/// Why a page was not ingested. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub(super) enum IngestError {
    /// The plugin gave a record, or the id of one, that cannot be stored.
    #[error("the record `{id}` {why}")]
    BadRecord {
        /// The provider's id of it.
        id: String,
        /// What is wrong with it.
        why: String,
    },
    /// The database failed, or the run is another worker's now.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing that the plugin did: the key service is not available, or a defect of ours.
    #[error("a page could not be prepared: {0}")]
    Internal(String),
}

impl From<SealError> for IngestError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Store(error) => Self::Store(error),
            SealError::Keys(error) => Self::Internal(error.to_string()),
        }
    }
}

/// A page without doublets.
pub(super) struct Prepared {
    page: Arc<Page>,
    /// Indexes of the records that count, in the order of the page.
    kept: Vec<usize>,
    /// Hashes of those, in the same order; none where the page is expected to have come before as it is.
    hashes: Option<Vec<[u8; 32]>>,
    /// Of the page as it came, where all of it counts.
    digest: Option<[u8; 32]>,
    warnings: Vec<String>,
}

/// Whether a run's pages are as they came the last time, as far as is known: then they are not hashed record by record before
/// somebody has looked. The page that turns out to be different is hashed then.
#[derive(Debug, Clone, Default)]
pub(super) struct Expected(Arc<AtomicBool>);

impl Expected {
    fn is_the_same(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn was_the_same(&self, was: bool) {
        self.0.store(was, Ordering::Relaxed);
    }
}

/// Where the ingesting of a run's pages stands.
pub(super) struct Done {
    /// The run's log, with what was not committed pending; `None` if it was lost with its task.
    pub journal: Option<Journal>,
    /// Pages that were committed.
    pub pages: u32,
    /// What the last of them brought; after an error no page follows.
    pub outcome: Result<Counts, IngestError>,
}

impl Done {
    /// The task ended without a word: a defect of ours.
    pub(super) fn lost(error: JoinError) -> Self {
        Self { journal: None, pages: 0, outcome: Err(IngestError::Internal(error.to_string())) }
    }

    /// Ingests the next page, if the one before it was.
    pub(super) async fn then(
        mut self,
        services: &Services,
        held: &Held,
        preparing: JoinHandle<Result<Prepared, IngestError>>,
        expected: &Expected,
    ) -> Self {
        let Some(journal) = self.journal.as_mut().filter(|_| self.outcome.is_ok()) else { return self };
        let prepared = preparing.await.unwrap_or_else(|error| Err(IngestError::Internal(error.to_string())));
        self.outcome = match prepared {
            Ok(page) => ingest_page(services, held, page, expected, journal).await,
            Err(error) => Err(error),
        };
        self.pages = self.pages.saturating_add(u32::from(self.outcome.is_ok()));
        self
    }
}

/// Ingests a page: what is as stored is not written, what changed is numbered and written, the cursor moves, and with the
/// last page the run ends, all or nothing.
async fn ingest_page(
    services: &Services,
    held: &Held,
    prepared: Prepared,
    expected: &Expected,
    journal: &mut Journal,
) -> Result<Counts, IngestError> {
    let (sync, fence, now) = (held.sync.id, held.fence, services.now());
    let Prepared { page, kept, hashes, digest, warnings } = prepared;
    for warning in warnings {
        journal.note(LogLevel::Warn, warning, now);
    }
    let (mut tx, place, key) = lock(services, held).await?;
    let ids: Vec<&str> = kept.iter().filter_map(|index| Some(page.items.get(*index)?.id.as_str())).collect();
    let digest = digest.filter(|_| key.is_none());
    let is_as_it_came = match (digest, ids.first()) {
        (Some(digest), Some(first)) if place.last_seq > 0 => {
            tx.records().lies_as_it_came(sync, first, seq(ids.len()), &digest).await?
        }
        _ => false,
    };
    expected.was_the_same(is_as_it_came);
    let mut last_seq = place.last_seq;
    let mut counts = Counts::default();
    if is_as_it_came {
        counts.unchanged = size(ids.len());
    } else if !ids.is_empty() {
        let hashes = match hashes {
            Some(hashes) => hashes,
            None => hashed(&page, &kept).await?,
        };
        let whole = Whole { page: &page, kept: &kept, ids: &ids, hashes: &hashes, digest };
        counts = compare_and_write(&mut tx, services, held, place, key, whole).await?;
        last_seq = last_seq.saturating_add(seq_of(counts.added.saturating_add(counts.updated)));
    }
    if !page.deleted.is_empty() {
        let gone: Vec<&str> = page.deleted.iter().map(String::as_str).collect();
        let deleted = tx.records().delete(sync, &gone, last_seq, now).await?;
        counts.deleted = size_of(deleted);
        last_seq = last_seq.saturating_add(deleted);
    }
    if place.is_full {
        tx.records().saw(fence.run, place.page, &ids).await?;
        if !page.more {
            let unseen = tx.records().delete_unseen(sync, fence.run, last_seq, now).await?;
            counts.deleted = counts.deleted.saturating_add(size_of(unseen));
            last_seq = last_seq.saturating_add(unseen);
        }
    }
    let largest = page.items.iter().map(|item| item.body.len()).max().unwrap_or_default();
    // The last page also ends the run and tells of it.
    let may_be_lost = last_seq == place.last_seq && page.more;
    let ending = (!page.more).then(|| Ending { at: now, next_run_at: next_run(services, &held.sync.schedule, 0) });
    let brought = Brought { counts, largest, may_be_lost, ending };
    let counts = tx.records().end_page(sync, fence, last_seq, page.cursor.as_deref(), brought).await?;
    if ending.is_some() {
        if place.is_full {
            tx.runs().forget_seen(fence.run).await?;
        }
        end::succeed(&mut tx, services, held, counts, journal).await?;
    }
    let lines = journal.pending();
    tx.runs().add_lines(fence.run, &lines).await?;
    tx.commit().await?;
    journal.written(&lines);
    Ok(counts)
}

/// Locks the sync and the run for a page. The key is there where something lies sealed or shall; it is looked for while
/// nothing is held, since the key service may have to be asked.
async fn lock(services: &Services, held: &Held) -> Result<(Tx<Scope>, PagePlace, Option<RowKey>), IngestError> {
    let mut key = None;
    loop {
        let mut tx = services.store.begin(held.scope).await?;
        let place = tx.records().lock_for_page(held.sync.id, held.fence).await?;
        if key.is_some() || !(place.is_sealed || place.has_key) {
            return Ok((tx, place, key));
        }
        // Nothing was written. A policy that is set in between is seen the next time round.
        tx.commit().await?;
        key = Some(record::find_or_make_key(services, held.scope, held.sync.id).await?);
    }
}

/// A page whose records count, each by its hash.
struct Whole<'a> {
    page: &'a Arc<Page>,
    kept: &'a [usize],
    ids: &'a [&'a str],
    hashes: &'a [[u8; 32]],
    digest: Option<[u8; 32]>,
}

/// Writes what of a page is not as stored. Gives how many were new, changed and as they were.
async fn compare_and_write(
    tx: &mut Tx<Scope>,
    services: &Services,
    held: &Held,
    place: PagePlace,
    key: Option<RowKey>,
    whole: Whole<'_>,
) -> Result<Counts, IngestError> {
    let sync = held.sync.id;
    let Whole { page, kept, ids, hashes, digest } = whole;
    // Where something may lie sealed it is found by its keyed hash.
    let keyed: Option<Vec<[u8; 32]>> = key.as_ref().map(|key| hashes.iter().map(|hash| key.hash(hash)).collect());
    let written_hashes = keyed.as_deref().filter(|_| place.is_sealed).unwrap_or(hashes);
    let records: Vec<NewRecord<'_>> = kept
        .iter()
        .zip(written_hashes)
        .filter_map(|(index, hash)| {
            let item = page.items.get(*index)?;
            Some(NewRecord { external_id: &item.id, content_hash: hash, body: &item.body })
        })
        .collect();
    let sealing = key.filter(|_| place.is_sealed);
    if place.last_seq == 0 {
        // Nothing was ever stored, so everything is new.
        let all = Changed { page, places: kept.to_vec(), records: &records, all_new: true, digest };
        write(tx, services, held, sealing, all, place.last_seq).await?;
        return Ok(Counts { added: size(records.len()), ..Counts::default() });
    }
    let content = digest_of(ids, keyed.as_deref().unwrap_or(hashes));
    if let (Some(first), Some(last)) = (ids.first(), ids.last()) {
        let lies = WholePage { first, last, count: seq(ids.len()), digest: &content };
        if tx.records().lies_as_it_is(sync, lies).await? {
            return Ok(Counts { unchanged: size(records.len()), ..Counts::default() });
        }
    }
    let slices_of_keyed: Option<Vec<&[u8]>> = keyed.as_deref().map(slices);
    let differences = tx.records().differences(sync, ids, &slices(hashes), slices_of_keyed.as_deref()).await?;
    let pick = |index: &usize| records.get(*index).copied();
    let changed: Vec<NewRecord<'_>> = differences.iter().filter_map(|difference| pick(&difference.index)).collect();
    let places: Vec<usize> = differences.iter().filter_map(|difference| kept.get(difference.index).copied()).collect();
    let updated = differences.iter().filter(|difference| difference.is_known && !difference.is_gone).count();
    let counts = Counts {
        added: size(changed.len() - updated),
        updated: size(updated),
        unchanged: size(records.len() - changed.len()),
        ..Counts::default()
    };
    if !changed.is_empty() {
        let all_new = !differences.iter().any(|difference| difference.is_known);
        let digest = digest.filter(|_| changed.len() == records.len());
        let changed = Changed { page, places, records: &changed, all_new, digest };
        write(tx, services, held, sealing, changed, place.last_seq).await?;
    }
    Ok(counts)
}

/// What is to be written of a page.
struct Changed<'a> {
    page: &'a Arc<Page>,
    /// Where they stand in the page.
    places: Vec<usize>,
    records: &'a [NewRecord<'a>],
    all_new: bool,
    /// Where they are the whole page.
    digest: Option<[u8; 32]>,
}

/// Writes records, sealed if they are to be; sealing is computing, so it happens beside the runtime's threads.
async fn write(
    tx: &mut Tx<Scope>,
    services: &Services,
    held: &Held,
    sealing: Option<RowKey>,
    changed: Changed<'_>,
    last_seq: i64,
) -> Result<(), IngestError> {
    let Changed { page, places, records, all_new, digest } = changed;
    let sealed = match sealing {
        None => None,
        Some(key) => {
            let (page, services) = (Arc::clone(page), services.clone());
            let sealing = tokio::task::spawn_blocking(move || {
                let items = places.iter().filter_map(|index| page.items.get(*index));
                record::seal_all(&services, &key, items.map(|item| (item.id.as_str(), item.body.as_str())))
            });
            Some(sealing.await.map_err(|error| IngestError::Internal(error.to_string()))??)
        }
    };
    let page_digest = digest.as_ref().map(<[u8; 32]>::as_slice);
    let written = Written { rows: records, sealed: sealed.as_deref(), all_new, page_digest };
    Ok(tx.records().write(held.sync.id, &written, last_seq, services.now()).await?)
}

/// As [`WholePage::digest`] says.
fn digest_of(ids: &[&str], hashes: &[[u8; 32]]) -> Vec<u8> {
    let mut digest = digest::Context::new(&digest::SHA256);
    for (id, hash) in ids.iter().zip(hashes) {
        digest.update(id.as_bytes());
        digest.update(&[0]);
        digest.update(hash);
    }
    digest.finish().as_ref().to_vec()
}

fn seq(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn seq_of(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn slices(hashes: &[[u8; 32]]) -> Vec<&[u8]> {
    hashes.iter().map(<[u8; 32]>::as_slice).collect()
}

fn size_of(rows: i64) -> u64 {
    u64::try_from(rows).unwrap_or_default()
}

fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Begins to prepare a page beside the runtime's threads: parsing and hashing is computing, and a page may be megabytes
/// of it.
pub(super) fn preparing(page: Page, expected: &Expected) -> JoinHandle<Result<Prepared, IngestError>> {
    let with_hashes = !expected.is_the_same();
    tokio::task::spawn_blocking(move || prepare(page, with_hashes))
}

/// Drops doublets, of which the last counts, and hashes what is left if it is to be.
fn prepare(page: Page, with_hashes: bool) -> Result<Prepared, IngestError> {
    let mut seen = HashSet::with_capacity(page.items.len());
    let mut kept: Vec<usize> = Vec::with_capacity(page.items.len());
    let mut doublets = 0_usize;
    let mut example = None;
    for (index, item) in page.items.iter().enumerate().rev() {
        if seen.insert(item.id.as_str()) {
            kept.push(index);
        } else {
            doublets += 1;
            example = Some(item.id.clone());
        }
    }
    kept.reverse();
    let mut warnings = Vec::new();
    if let Some(example) = example {
        warnings.push(format!(
            "A page held {doublets} records under an id that it gives again, such as `{example}`; the last one counts."
        ));
    }
    let contradicted = page.deleted.iter().filter(|id| seen.contains(id.as_str())).count();
    if contradicted > 0 {
        warnings
            .push(format!("A page gave {contradicted} records and said that they are deleted; they count as deleted."));
    }
    for id in &page.deleted {
        check_id(id)?;
    }
    for item in kept.iter().filter_map(|index| page.items.get(*index)) {
        check_id(&item.id)?;
    }
    drop(seen);
    let hashes = if with_hashes { Some(hashes_of(&page, &kept)?) } else { None };
    let is_whole = !kept.is_empty() && kept.len() == page.items.len();
    let texts = || page.items.iter().map(|item| (item.id.as_str(), item.body.as_str()));
    let digest = is_whole.then(|| page_digest(texts()));
    let page = Arc::new(page);
    Ok(Prepared { page, kept, hashes, digest, warnings })
}

/// The hashes of a page's records that count.
fn hashes_of(page: &Page, kept: &[usize]) -> Result<Vec<[u8; 32]>, IngestError> {
    let mut hasher = ContentHasher::default();
    // Postgres' text takes no NUL; inside a string JSON has it escaped, and that the hasher refuses.
    let hash = |item: &Item| hasher.hash(&item.body).map_err(|error: ContentError| bad(&item.id, error.to_string()));
    kept.iter().filter_map(|index| page.items.get(*index)).map(hash).collect()
}

/// The same beside the runtime's threads, for a page that was expected to be as it came before.
async fn hashed(page: &Arc<Page>, kept: &[usize]) -> Result<Vec<[u8; 32]>, IngestError> {
    let (page, kept) = (Arc::clone(page), kept.to_vec());
    let hashing = tokio::task::spawn_blocking(move || hashes_of(&page, &kept));
    hashing.await.map_err(|error| IngestError::Internal(error.to_string()))?
}

fn bad(id: &str, why: String) -> IngestError {
    IngestError::BadRecord { id: id.chars().take(100).collect(), why }
}

/// The host holds ids to this too; here it is what the tables rest on.
fn check_id(id: &str) -> Result<(), IngestError> {
    match id {
        "" => Err(bad(id, "has an empty id".to_owned())),
        id if id.len() > LONGEST_ID => {
            Err(bad(id, format!("has an id of {} bytes; {LONGEST_ID} are allowed", id.len())))
        }
        id if id.contains('\0') => Err(bad(&id.replace('\0', "\u{fffd}"), "has a NUL in its id".to_owned())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(items: &[(&str, &str)], deleted: &[&str]) -> Page {
        let item = |(id, body): &(&str, &str)| Item { id: (*id).into(), body: (*body).into() };
        let deleted = deleted.iter().map(|id| (*id).to_owned()).collect();
        Page { items: items.iter().map(item).collect(), deleted, cursor: None, more: false }
    }

    #[test]
    fn e_6_of_two_records_with_one_id_the_last_counts() {
        let prepared = prepare(page(&[("a", "{\"v\":1}"), ("b", "{}"), ("a", "{\"v\":2}")], &["b"]), true).unwrap();
        assert_eq!(prepared.kept, [1, 2]);
        assert!(prepared.digest.is_none(), "not all of it counts");
        assert_eq!(prepared.hashes.unwrap()[1], ContentHasher::default().hash("{ \"v\" : 2.0 }").unwrap());
        assert_eq!(prepared.warnings.len(), 2, "{:?}", prepared.warnings);
        assert!(prepared.warnings[0].contains("`a`"));
    }

    #[test]
    fn e_6_a_page_that_is_expected_to_be_as_it_came_is_not_hashed_record_by_record() {
        let same = || page(&[("a", "{\"v\":1}"), ("b", "{}")], &["c"]);
        let (expected, other) = (prepare(same(), false).unwrap(), prepare(same(), true).unwrap());
        assert!(expected.hashes.is_none());
        assert!(expected.digest.is_some() && expected.digest == other.digest);
        assert_eq!(hashes_of(&expected.page, &expected.kept).unwrap(), other.hashes.unwrap());
        assert!(prepare(page(&[], &["c"]), true).unwrap().digest.is_none(), "nothing is no page");
    }

    #[test]
    fn a_record_that_cannot_be_stored_is_named() {
        for (body, said) in [("[]", "object"), ("{", "JSON"), ("{\"a\":\"\\u0000\"}", "U+0000")] {
            let Err(error) = prepare(page(&[("x", body)], &[]), true) else { panic!("{body} was taken") };
            assert!(error.to_string().contains("`x`") && error.to_string().contains(said), "{error}");
        }
        for id in ["", "a\0b", &"x".repeat(4096)] {
            assert!(matches!(prepare(page(&[(id, "{}")], &[]), false), Err(IngestError::BadRecord { .. })), "{id}");
            assert!(matches!(prepare(page(&[], &[id]), false), Err(IngestError::BadRecord { .. })), "{id}");
        }
        assert!(prepare(page(&[("null", "{}"), ("7", "{}"), (&"x".repeat(512), "{}")], &["0"]), true).is_ok());
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(domain::content::LARGEST));
        assert!(prepare(page(&[("x", &large)], &[]), true).is_err());
    }
}
