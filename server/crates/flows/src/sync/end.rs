//! Ends a run: with success, with a failure, or for now.

use api_types::event::EventKind;
use domain::{
    Scope,
    connection::ReauthCause,
    run::{Counts, LogLevel},
};
use serde_json::json;
use store::{RunFailure, StoreError, Tx};

use super::{journal::Journal, run::Held, schedule::next_run};
use crate::{Actor, Services, connection, event};

/// The last page is in, and the run ended with it: the event is out, and the job leaves the table. In the transaction of
/// that page, so that a run is never done and not ended, nor its job run again. `counts` are those of the whole run.
pub(super) async fn succeed(
    tx: &mut Tx<Scope>,
    services: &Services,
    held: &Held,
    counts: Counts,
    journal: &mut Journal,
) -> Result<(), StoreError> {
    let sync = &held.sync;
    let Counts { added, updated, deleted, unchanged } = counts;
    let text = format!("Done: {added} added, {updated} updated, {deleted} deleted, {unchanged} as they were.");
    journal.note(LogLevel::Info, text, services.now());
    let data = json!({
        "connection_id": sync.connection, "sync_id": sync.id, "run_id": held.fence.run, "stream": sync.stream,
        "added": added, "updated": updated, "deleted": deleted, "unchanged": unchanged,
    });
    event::emit(tx, services, EventKind::SyncSucceeded, Some(sync.connection), data).await?;
    tx.jobs().complete(held.job).await
}

/// The run is given up. The next is due by the schedule, later with each failure in a row, and goes on at the last
/// page, or begins anew where this one was full. `reauth` has the end user connect again.
pub(super) async fn fail(
    services: &Services,
    held: &Held,
    failure: &RunFailure,
    reauth: Option<ReauthCause>,
    journal: &mut Journal,
) -> Result<(), StoreError> {
    let now = services.now();
    journal.note(LogLevel::Error, format!("Given up: {}", failure.message), now);
    let mut tx = services.store.begin(held.scope).await?;
    let sync = tx.syncs().lock(held.sync.id).await?;
    tx.runs().fail(held.fence, failure, now).await?;
    let failures = sync.failures.saturating_add(1);
    tx.syncs().run_failed(sync.id, next_run(services, &sync.schedule, failures), failures).await?;
    tx.runs().add_lines(held.fence.run, &journal.pending()).await?;
    let data = json!({
        "connection_id": sync.connection, "sync_id": sync.id, "run_id": held.fence.run, "stream": sync.stream,
        "code": failure.code, "message": failure.message, "blame": failure.blame.as_str(),
    });
    event::emit(&mut tx, services, EventKind::SyncFailed, Some(sync.connection), data).await?;
    if let Some(cause) = reauth {
        connection::needs_reauth(&mut tx, services, sync.connection, cause, Actor::System).await?;
    }
    tx.commit().await
}

/// The run waits to be taken up again; its log says why.
pub(super) async fn wait(
    services: &Services,
    held: &Held,
    why: &str,
    seconds: u64,
    journal: &mut Journal,
) -> Result<(), StoreError> {
    journal.note(LogLevel::Warn, format!("Goes on in {seconds} s: {why}"), services.now());
    let mut tx = services.store.begin(held.scope).await?;
    tx.runs().check(held.fence).await?;
    tx.runs().add_lines(held.fence.run, &journal.pending()).await?;
    tx.commit().await
}

/// The run begins anew, in full: the provider does not know its cursor any more.
pub(super) async fn begin_anew(services: &Services, held: &Held) -> Result<(), StoreError> {
    let mut tx = services.store.begin(held.scope).await?;
    tx.records().lock_for_page(held.sync.id, held.fence).await?;
    tx.runs().make_full(held.fence).await?;
    tx.syncs().set_cursor(held.sync.id, None).await?;
    tx.commit().await
}
