//! Ends a run: with success, with a failure, or for now.

use api_types::event::EventKind;
use domain::{
    Scope,
    connection::ReauthCause,
    run::{Counts, LogLevel},
};
use ids::SyncId;
use serde_json::json;
use store::{RunFailure, RunFence, StoreError, SyncRow, Tx};

use super::{journal::Journal, schedule::next_run};
use crate::{Actor, Services, connection, event};

/// A run that ends, with all that its end needs.
pub(super) struct Ending<'a> {
    pub services: &'a Services,
    pub scope: Scope,
    pub sync: &'a SyncRow,
    pub fence: RunFence,
}

impl Ending<'_> {
    /// All pages are in. A full run deletes what it has not seen; then the counts stand, the event is out, and the next
    /// run is due after the interval, all in one transaction.
    pub(super) async fn succeed(&self, journal: &mut Journal) -> Result<Counts, StoreError> {
        let services = self.services;
        let now = services.now();
        let mut tx = services.store.begin(self.scope).await?;
        let place = tx.records().lock_for_page(self.sync.id, self.fence).await?;
        let mut deleted = 0;
        if place.is_full {
            deleted = tx.records().delete_unseen(self.sync.id, self.fence.run, place.last_seq, now).await?;
            if deleted > 0 {
                let cursor = tx.syncs().find(self.sync.id).await?.cursor;
                let last_seq = place.last_seq.saturating_add(deleted);
                tx.records().advance(self.sync.id, last_seq, cursor.as_deref()).await?;
            }
        }
        tx.runs().end(self.fence, u64::try_from(deleted).unwrap_or_default(), None, now).await?;
        tx.syncs().run_ended(self.sync.id, next_run(services, self.sync.every_seconds, 0), 0).await?;
        let run = tx.runs().find(self.fence.run).await?;
        let Counts { added, updated, deleted, unchanged } = run.counts;
        journal.note(
            LogLevel::Info,
            format!("Done: {added} added, {updated} updated, {deleted} deleted, {unchanged} as they were."),
            now,
        );
        tx.runs().add_lines(self.fence.run, &journal.pending()).await?;
        let data = json!({
            "connection_id": self.sync.connection, "sync_id": self.sync.id, "run_id": run.id, "stream": self.sync.stream,
            "added": added, "updated": updated, "deleted": deleted, "unchanged": unchanged,
        });
        event::emit(&mut tx, services, EventKind::SyncSucceeded, Some(self.sync.connection), data).await?;
        tx.commit().await?;
        Ok(run.counts)
    }

    /// The run is given up. The next is due after the interval, longer with each failure in a row, and goes on at the
    /// last page. `reauth` has the end user connect again.
    pub(super) async fn fail(
        &self,
        failure: &RunFailure,
        reauth: Option<ReauthCause>,
        journal: &mut Journal,
    ) -> Result<(), StoreError> {
        let services = self.services;
        let now = services.now();
        journal.note(LogLevel::Error, format!("Given up: {}", failure.message), now);
        let mut tx = services.store.begin(self.scope).await?;
        let sync = tx.syncs().lock(self.sync.id).await?;
        tx.runs().end(self.fence, 0, Some(failure), now).await?;
        let failures = sync.failures.saturating_add(1);
        tx.syncs().run_ended(sync.id, next_run(services, sync.every_seconds, failures), failures).await?;
        tx.runs().add_lines(self.fence.run, &journal.pending()).await?;
        let data = json!({
            "connection_id": sync.connection, "sync_id": sync.id, "run_id": self.fence.run, "stream": sync.stream,
            "code": failure.code, "message": failure.message, "blame": failure.blame.as_str(),
        });
        event::emit(&mut tx, services, EventKind::SyncFailed, Some(sync.connection), data).await?;
        if let Some(cause) = reauth {
            connection::needs_reauth(&mut tx, services, sync.connection, cause, Actor::System).await?;
        }
        tx.commit().await
    }

    /// The run waits to be taken up again; its log says why.
    pub(super) async fn wait(&self, why: &str, seconds: u64, journal: &mut Journal) -> Result<(), StoreError> {
        let now = self.services.now();
        journal.note(LogLevel::Warn, format!("Goes on in {seconds} s: {why}"), now);
        let mut tx = self.services.store.begin(self.scope).await?;
        tx.runs().check(self.fence).await?;
        tx.runs().add_lines(self.fence.run, &journal.pending()).await?;
        tx.commit().await
    }

    /// The run begins anew, in full: the provider does not know its cursor any more.
    pub(super) async fn begin_anew(&self) -> Result<(), StoreError> {
        let mut tx = self.services.store.begin(self.scope).await?;
        reset(&mut tx, self.sync.id, self.fence).await?;
        tx.commit().await
    }
}

async fn reset(tx: &mut Tx<Scope>, sync: SyncId, fence: RunFence) -> Result<(), StoreError> {
    tx.records().lock_for_page(sync, fence).await?;
    tx.runs().make_full(fence).await?;
    tx.syncs().set_cursor(sync, None).await
}
