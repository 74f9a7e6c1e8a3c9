//! One page into the records, in one transaction with its cursor.

use std::collections::HashSet;

use domain::{
    content::{ContentError, ContentHasher},
    run::{Counts, LogLevel},
};
use plugin_host::Page;
use store::{NewRecord, StoreError};
use tokio::task::{JoinError, JoinHandle};

use super::{end, journal::Journal, run::Held};
use crate::Services;

/// Bytes of one record. Also keeps a page within what one statement can carry.
const LARGEST_RECORD: usize = 4 << 20;

/// Why a page was not ingested. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub(super) enum IngestError {
    /// The plugin gave a record that cannot be stored.
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
    /// A defect of ours.
    #[error("a page could not be prepared: {0}")]
    Internal(String),
}

/// A page without doublets, with hashes.
pub(super) struct Prepared {
    page: Page,
    /// Indexes of the records that count, in the order of the page.
    kept: Vec<usize>,
    /// Hashes of those, in the same order.
    hashes: Vec<[u8; 32]>,
    warnings: Vec<String>,
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
    ) -> Self {
        let Some(journal) = self.journal.as_mut().filter(|_| self.outcome.is_ok()) else { return self };
        let prepared = preparing.await.unwrap_or_else(|error| Err(IngestError::Internal(error.to_string())));
        self.outcome = match prepared {
            Ok(page) => ingest_page(services, held, page, journal).await,
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
    journal: &mut Journal,
) -> Result<Counts, IngestError> {
    let (sync, fence, now) = (held.sync.id, held.fence, services.now());
    let Prepared { page, kept, hashes, warnings } = prepared;
    for warning in warnings {
        journal.note(LogLevel::Warn, warning, now);
    }
    let records: Vec<NewRecord<'_>> = kept
        .iter()
        .zip(&hashes)
        .filter_map(|(index, hash)| {
            let item = page.items.get(*index)?;
            Some(NewRecord { external_id: &item.id, content_hash: hash, body: &item.body })
        })
        .collect();
    let ids: Vec<&str> = records.iter().map(|record| record.external_id).collect();

    let mut tx = services.store.begin(held.scope).await?;
    let place = tx.records().lock_for_page(sync, fence).await?;
    let mut last_seq = place.last_seq;
    let mut counts = Counts::default();
    if last_seq == 0 {
        // Nothing was ever stored, so everything is new.
        tx.records().insert(sync, &records, last_seq, now).await?;
        counts.added = size(records.len());
        last_seq = last_seq.saturating_add(i64::try_from(records.len()).unwrap_or_default());
    } else if !records.is_empty() {
        let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
        let differences = tx.records().differences(sync, &ids, &hashes).await?;
        let pick = |index: &usize| records.get(*index).copied();
        let changed: Vec<NewRecord<'_>> = differences.iter().filter_map(|difference| pick(&difference.index)).collect();
        let updated = differences.iter().filter(|difference| difference.is_known && !difference.is_gone).count();
        counts.updated = size(updated);
        counts.added = size(changed.len() - updated);
        counts.unchanged = size(records.len() - changed.len());
        if differences.iter().any(|difference| difference.is_known) {
            tx.records().upsert(sync, &changed, last_seq, now).await?;
        } else if !changed.is_empty() {
            tx.records().insert(sync, &changed, last_seq, now).await?;
        }
        last_seq = last_seq.saturating_add(i64::try_from(changed.len()).unwrap_or_default());
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
    tx.records().end_page(sync, fence, last_seq, page.cursor.as_deref(), counts).await?;
    if !page.more {
        counts = end::succeed(&mut tx, services, held, journal).await?;
    }
    let lines = journal.pending();
    tx.runs().add_lines(fence.run, &lines).await?;
    tx.commit().await?;
    journal.written(&lines);
    Ok(counts)
}

fn size_of(rows: i64) -> u64 {
    u64::try_from(rows).unwrap_or_default()
}

fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Begins to prepare a page beside the runtime's threads: parsing and hashing is computing, and a page may be megabytes
/// of it.
pub(super) fn preparing(page: Page) -> JoinHandle<Result<Prepared, IngestError>> {
    tokio::task::spawn_blocking(move || prepare(page))
}

/// Drops doublets, of which the last counts, and hashes what is left.
fn prepare(page: Page) -> Result<Prepared, IngestError> {
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
    let mut hasher = ContentHasher::default();
    let mut hashes = Vec::with_capacity(kept.len());
    for item in kept.iter().filter_map(|index| page.items.get(*index)) {
        let bad = |why: String| IngestError::BadRecord { id: item.id.chars().take(100).collect(), why };
        if item.body.len() > LARGEST_RECORD {
            return Err(bad(format!("has {} bytes; {LARGEST_RECORD} are allowed", item.body.len())));
        }
        // Postgres' text takes no NUL; inside a string JSON has it escaped, and that the hasher refuses.
        hashes.push(hasher.hash(&item.body).map_err(|error: ContentError| bad(error.to_string()))?);
    }
    drop(seen);
    Ok(Prepared { page, kept, hashes, warnings })
}

#[cfg(test)]
mod tests {
    use plugin_host::Item;

    use super::*;

    fn page(items: &[(&str, &str)], deleted: &[&str]) -> Page {
        let item = |(id, body): &(&str, &str)| Item { id: (*id).into(), body: (*body).into() };
        let deleted = deleted.iter().map(|id| (*id).to_owned()).collect();
        Page { items: items.iter().map(item).collect(), deleted, cursor: None, more: false }
    }

    #[test]
    fn e_6_of_two_records_with_one_id_the_last_counts() {
        let prepared = prepare(page(&[("a", "{\"v\":1}"), ("b", "{}"), ("a", "{\"v\":2}")], &["b"])).unwrap();
        assert_eq!(prepared.kept, [1, 2]);
        assert_eq!(prepared.hashes[1], ContentHasher::default().hash("{ \"v\" : 2.0 }").unwrap());
        assert_eq!(prepared.warnings.len(), 2, "{:?}", prepared.warnings);
        assert!(prepared.warnings[0].contains("`a`"));
    }

    #[test]
    fn a_record_that_cannot_be_stored_is_named() {
        for (body, said) in [("[]", "object"), ("{", "JSON"), ("{\"a\":\"\\u0000\"}", "U+0000")] {
            let Err(error) = prepare(page(&[("x", body)], &[])) else { panic!("{body} was taken") };
            assert!(error.to_string().contains("`x`") && error.to_string().contains(said), "{error}");
        }
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(LARGEST_RECORD));
        assert!(prepare(page(&[("x", &large)], &[])).is_err());
    }
}
