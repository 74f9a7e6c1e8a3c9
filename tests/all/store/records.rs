//! Records: pages under a fence, nothing written that is as it was, a feed without gaps.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use chrono::TimeDelta;
use domain::{
    Scope,
    content::{ContentHasher, page_digest},
    run::{Blame, Counts, SyncMode, Trigger},
};
use ids::{ConnectionId, RunId, SyncId};
use store::{
    Brought, Ending, NewRecord, NewRun, NewSync, RecordFilter, RecordRange, RecordRow, RunFailure, RunFence, Step,
    Store, StoreError, WholePage, Written,
};

use super::{Ground, now};

struct Stream {
    ground: Ground,
    scope: Scope,
    connection: ConnectionId,
    sync: SyncId,
    fence: RunFence,
}

impl Stream {
    async fn new() -> Self {
        let ground = Ground::new().await;
        let (scope, connection) = ground.connection().await;
        let (sync, fence) = begin(&ground, scope, connection, "s").await;
        Self { ground, scope, connection, sync, fence }
    }

    /// What ingesting a page does, in short. Gives how many were written.
    async fn page(&self, fence: RunFence, items: &[(&str, &str)]) -> Result<usize, StoreError> {
        page(&self.ground.store, self.scope, self.sync, fence, items).await.map(|(written, _)| written)
    }

    async fn rows(&self, after: i64) -> Vec<RecordRow> {
        read(&self.ground.store, self.scope, self.connection, "s", after, &RecordFilter::default(), 100, 1 << 30)
            .await
            .0
    }

    async fn feed(&self, after: i64) -> Vec<(String, i64, bool)> {
        let rows = self.rows(after).await;
        rows.into_iter().map(|row| (row.external_id, row.seq, row.deleted_at.is_some())).collect()
    }

    async fn ids(&self, filter: RecordFilter) -> Vec<String> {
        let (rows, ..) = read(&self.ground.store, self.scope, self.connection, "s", 0, &filter, 100, 1 << 30).await;
        rows.into_iter().map(|row| row.external_id).collect()
    }
}

/// A sync with a run that was begun.
async fn begin(ground: &Ground, scope: Scope, connection: ConnectionId, stream: &str) -> (SyncId, RunFence) {
    let new = NewSync {
        id: ground.mint.id(SyncId::new),
        stream: stream.into(),
        mode: SyncMode::Full,
        every_seconds: 60,
        since: None,
        next_run_at: now(),
    };
    let mut tx = ground.store.begin(scope).await.unwrap();
    let sync = tx.syncs().ensure(connection, std::slice::from_ref(&new), now()).await.unwrap()[0];
    let again = NewSync { id: ground.mint.id(SyncId::new), ..new };
    assert_eq!(tx.syncs().ensure(connection, &[again], now()).await.unwrap(), [sync], "a stream has one sync");
    let run = ground.mint.id(RunId::new);
    let new = NewRun { id: run, trigger: Trigger::Api, is_full: true, at: now(), may_be_lost: true };
    let begun = tx.runs().take_up(sync, Some(new)).await.unwrap().unwrap();
    assert_eq!((begun.fence.run, begun.fence.number, begun.was_broken_off), (run, 1, false));
    tx.commit().await.unwrap();
    (sync, begun.fence)
}

/// Ingests a page. Gives how many records were written and the highest number then.
async fn page(
    store: &Store,
    scope: Scope,
    sync: SyncId,
    fence: RunFence,
    items: &[(&str, &str)],
) -> Result<(usize, i64), StoreError> {
    let mut hasher = ContentHasher::default();
    let hashes: Vec<[u8; 32]> = items.iter().map(|(_, body)| hasher.hash(body).unwrap()).collect();
    let ids: Vec<&str> = items.iter().map(|(id, _)| *id).collect();
    let slices: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
    let mut tx = store.begin(scope).await?;
    let place = tx.records().lock_for_page(sync, fence).await?;
    let differences = tx.records().differences(sync, &ids, &slices, None).await?;
    let changed: Vec<NewRecord<'_>> = differences
        .iter()
        .map(|one| NewRecord { external_id: ids[one.index], content_hash: slices[one.index], body: items[one.index].1 })
        .collect();
    let digest = page_digest(items.iter().copied());
    let page_digest = (changed.len() == items.len()).then_some(digest.as_slice());
    let written = Written { rows: &changed, sealed: None, all_new: false, page_digest };
    tx.records().write(sync, &written, place.last_seq, now()).await?;
    tx.records().saw(fence.run, place.page, &ids).await?;
    let last_seq = place.last_seq + i64::try_from(changed.len()).unwrap();
    let largest = items.iter().map(|(_, body)| body.len()).max().unwrap_or_default();
    let brought = Brought { counts: Counts::default(), largest, may_be_lost: changed.is_empty(), ending: None };
    tx.records().end_page(sync, fence, last_seq, Some("c"), brought).await?;
    tx.commit().await?;
    Ok((changed.len(), last_seq))
}

/// Reads a page of a feed as the API does. Gives the rows, whether there are more, and the number up to which it looked.
#[expect(clippy::too_many_arguments, reason = "they are what a page is made of")]
async fn read(
    store: &Store,
    scope: Scope,
    connection: ConnectionId,
    stream: &str,
    after: i64,
    filter: &RecordFilter,
    rows: i64,
    bytes: i64,
) -> (Vec<RecordRow>, bool, i64) {
    let mut tx = store.begin(scope).await.unwrap();
    let feed = tx.records().feed(connection, stream).await.unwrap();
    let range = RecordRange { feed, after, upto: feed.last_seq, rows, bytes };
    let slice = tx.records().read(range, filter).await.unwrap();
    tx.commit().await.unwrap();
    (slice.rows, slice.has_more, feed.last_seq)
}

#[tokio::test]
async fn e_6_what_is_as_stored_is_not_written() {
    let stream = Stream::new().await;
    assert_eq!(stream.page(stream.fence, &[("a", "{\"v\":1}"), ("b", "{\"v\":1}")]).await.unwrap(), 2);
    let rows = "SELECT string_agg(ctid::text || xmin::text, ',' ORDER BY external_id) FROM records";
    let before = stream.ground.one(rows).await;
    assert_eq!(stream.page(stream.fence, &[("b", "{ \"v\": 1.0 }"), ("a", "{\"v\":10e-1}")]).await.unwrap(), 0);
    assert_eq!(stream.ground.one(rows).await, before, "not one row was touched");
    assert_eq!(stream.page(stream.fence, &[("a", "{\"v\":2}"), ("c", "{}")]).await.unwrap(), 2);
    let feed = stream.feed(0).await;
    let ids: Vec<_> = feed.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!(ids, ["b", "a", "c"], "in the order of the latest change: {feed:?}");
    assert_eq!(stream.feed(2).await.len(), 2, "a reader goes on where it was");
}

#[tokio::test]
async fn e_6_a_page_that_lies_as_it_is_is_known_by_one_look_and_any_other_is_not() {
    let stream = Stream::new().await;
    let items = [("b", "{\"v\":1}"), ("a", "{\"v\":2}"), ("c", "{\"v\":3}")];
    stream.page(stream.fence, &[("x", "{}"), ("y", "{}")]).await.unwrap();
    stream.page(stream.fence, &items).await.unwrap();
    let same = async |items: &[(&str, &str)]| {
        let mut bytes = Vec::new();
        for (id, body) in items {
            bytes.extend_from_slice(id.as_bytes());
            bytes.push(0);
            bytes.extend_from_slice(&ContentHasher::default().hash(body).unwrap());
        }
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
        let (first, last) = (items[0].0, items[items.len() - 1].0);
        let count = i64::try_from(items.len()).unwrap();
        let mut tx = stream.ground.store.begin(stream.scope).await.unwrap();
        tx.records().lock_for_page(stream.sync, stream.fence).await.unwrap();
        let page = WholePage { first, last, count, digest: digest.as_ref() };
        let same = tx.records().lies_as_it_is(stream.sync, page).await.unwrap();
        tx.commit().await.unwrap();
        same
    };
    assert!(same(&items).await);
    assert!(same(&items[1..]).await, "also a part of it");
    assert!(same(&[("y", "{}"), ("b", "{\"v\":1}")]).await, "wherever pages begin");
    assert!(!same(&[("a", "{\"v\":2}"), ("b", "{\"v\":1}"), ("c", "{\"v\":3}")]).await, "another order says nothing");
    assert!(!same(&[("b", "{\"v\":1}"), ("a", "{\"v\":3}"), ("c", "{\"v\":3}")]).await, "one is different");
    assert!(!same(&[("b", "{\"v\":2}"), ("a", "{\"v\":1}"), ("c", "{\"v\":3}")]).await, "two changed places");
    assert!(!same(&[("b", "{\"v\":1}"), ("c", "{\"v\":3}")]).await, "one is missing in between");
    assert!(!same(&[("b", "{\"v\":1}"), ("z", "{}"), ("c", "{\"v\":3}")]).await, "one is new");
    let mut tx = stream.ground.store.begin(stream.scope).await.unwrap();
    tx.records().delete(stream.sync, &["c"], 5, now()).await.unwrap();
    tx.records().end_page(stream.sync, stream.fence, 6, None, Brought::default()).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!same(&items).await, "what is gone is not as it is");
    assert!(!same(&items[2..]).await, "alone neither");
    assert!(same(&items[..2]).await);
}

#[tokio::test]
async fn e_6_a_page_that_lies_as_it_came_is_known_to_the_byte() {
    let stream = Stream::new().await;
    let items = [("b", "{\"v\":1}"), ("a", "{\"v\":2}"), ("c", "{\"v\":3}")];
    stream.page(stream.fence, &[("x", "{}"), ("y", "{}")]).await.unwrap();
    stream.page(stream.fence, &items).await.unwrap();
    let same = async |items: &[(&str, &str)]| {
        let count = i64::try_from(items.len()).unwrap();
        let digest = page_digest(items.iter().copied());
        let mut tx = stream.ground.store.begin(stream.scope).await.unwrap();
        tx.records().lock_for_page(stream.sync, stream.fence).await.unwrap();
        let same = tx.records().lies_as_it_came(stream.sync, items[0].0, count, &digest).await.unwrap();
        tx.commit().await.unwrap();
        same
    };
    assert!(same(&items).await && same(&[("x", "{}"), ("y", "{}")]).await);
    assert!(!same(&[("b", "{\"v\":1}"), ("a", "{ \"v\":2}"), ("c", "{\"v\":3}")]).await, "other bytes say nothing");
    assert!(!same(&items[..2]).await && !same(&items[1..]).await && !same(&[("z", "{}")]).await);
    // One of it is changed, and back again.
    stream.page(stream.fence, &[("a", "{\"v\":9}")]).await.unwrap();
    assert!(!same(&items).await, "one was changed");
    assert!(same(&[("a", "{\"v\":9}")]).await, "which is a page of its own");
    assert_eq!(stream.page(stream.fence, &items).await.unwrap(), 1, "the other two are as they were");
    assert!(!same(&items).await, "not written as a whole");
    // What is gone is not as it came.
    let mut tx = stream.ground.store.begin(stream.scope).await.unwrap();
    tx.records().delete(stream.sync, &["y"], 7, now()).await.unwrap();
    tx.records().end_page(stream.sync, stream.fence, 8, None, Brought::default()).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!same(&[("x", "{}"), ("y", "{}")]).await);
}

#[tokio::test]
async fn e_4_a_full_run_finds_what_is_gone_and_what_is_there_again() {
    let stream = Stream::new().await;
    stream.page(stream.fence, &[("a", "{}"), ("b", "{}"), ("c", "{}")]).await.unwrap();
    stream.ground.sql("UPDATE run_seen SET external_ids = ARRAY['b']").await;
    let mut tx = stream.ground.store.begin(stream.scope).await.unwrap();
    assert_eq!(tx.records().delete_unseen(stream.sync, stream.fence.run, 3, now()).await.unwrap(), 2);
    assert_eq!(tx.records().delete(stream.sync, &["a", "b", "x"], 5, now()).await.unwrap(), 1, "a is gone already");
    tx.records().end_page(stream.sync, stream.fence, 6, None, Brought::default()).await.unwrap();
    tx.commit().await.unwrap();
    let gone = [("a".to_owned(), 4, true), ("c".to_owned(), 5, true), ("b".to_owned(), 6, true)];
    assert_eq!(stream.feed(0).await, gone);
    assert_eq!(stream.page(stream.fence, &[("c", "{}")]).await.unwrap(), 1, "the same content, but there again");
    assert_eq!(stream.feed(6).await, [("c".to_owned(), 7, false)]);
}

#[tokio::test]
async fn e_4_a_full_run_that_fails_or_is_broken_off_leaves_a_full_one_to_come() {
    let stream = Stream::new().await;
    let (ground, sync) = (&stream.ground, stream.sync);
    let comes = async || ground.one("SELECT begins_anew FROM syncs").await;
    let begin = async |is_full: bool| {
        let id = ground.mint.id(RunId::new);
        let new = NewRun { id, trigger: Trigger::Api, is_full, at: now(), may_be_lost: true };
        let mut tx = ground.store.begin(stream.scope).await.unwrap();
        let taken = tx.runs().take_up(sync, Some(new)).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        taken.fence
    };
    let fail = async |fence: RunFence| {
        let failure = RunFailure { code: "c".into(), message: "m".into(), blame: Blame::Provider };
        let mut tx = ground.store.begin(stream.scope).await.unwrap();
        tx.syncs().lock(sync).await.unwrap();
        tx.runs().fail(fence, &failure, now()).await.unwrap();
        tx.commit().await.unwrap();
    };
    stream.page(stream.fence, &[("a", "{}")]).await.unwrap();
    fail(stream.fence).await;
    assert_eq!(comes().await, "t");
    assert_eq!(ground.one("SELECT count(*) FROM run_seen").await, "0", "what it had seen is forgotten");
    let fence = begin(true).await;
    assert_eq!(comes().await, "f", "this is it");
    let mut tx = ground.store.begin(stream.scope).await.unwrap();
    tx.syncs().lock(sync).await.unwrap();
    assert_eq!(tx.runs().cancel(sync, now()).await.unwrap(), Some(fence.run));
    tx.commit().await.unwrap();
    assert_eq!(comes().await, "t");

    // One that goes on where the last ended leaves nothing to make up for, unless it was made full on its way.
    fail(begin(false).await).await;
    assert_eq!(comes().await, "f");
    let fence = begin(false).await;
    let mut tx = ground.store.begin(stream.scope).await.unwrap();
    tx.runs().make_full(fence).await.unwrap();
    tx.commit().await.unwrap();
    fail(fence).await;
    assert_eq!(comes().await, "t");

    // What is told while a full one runs is not done with it: more than is remembered one by one.
    let fence = begin(true).await;
    let mut tx = ground.store.begin(stream.scope).await.unwrap();
    let gone: Vec<String> = (0..5_001).map(|n| format!("id{n}")).collect();
    tx.syncs().add_gone(sync, &gone).await.unwrap();
    let ending = Some(Ending { at: now(), next_run_at: now() });
    tx.records().end_page(sync, fence, 1, None, Brought { ending, ..Brought::default() }).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(comes().await, "t");
}

#[tokio::test]
async fn ft_1_a_page_of_a_worker_that_lost_the_run_is_refused() {
    let stream = Stream::new().await;
    let mut tx = stream.ground.store.begin(stream.scope).await.unwrap();
    let taken = tx.runs().take_up(stream.sync, None).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let fence = taken.fence;
    assert_eq!((fence.run, fence.number), (stream.fence.run, stream.fence.number + 1));
    assert!(taken.was_broken_off);
    let refused = stream.page(stream.fence, &[("a", "{}")]).await;
    assert!(matches!(refused, Err(StoreError::Superseded(_))), "{refused:?}");
    assert_eq!(stream.ground.one("SELECT count(*) FROM records").await, "0");
    stream.page(fence, &[("a", "{}")]).await.unwrap();
    let mut tx = stream.ground.store.begin(stream.scope).await.unwrap();
    let ending = Some(Ending { at: now(), next_run_at: now() });
    tx.records().end_page(stream.sync, fence, 1, None, Brought { ending, ..Brought::default() }).await.unwrap();
    tx.runs().forget_seen(fence.run).await.unwrap();
    tx.commit().await.unwrap();
    let refused = stream.page(fence, &[("b", "{}")]).await;
    assert!(matches!(refused, Err(StoreError::Superseded(_))), "the run has ended: {refused:?}");
    assert_eq!(stream.ground.one("SELECT count(*) FROM run_seen").await, "0", "what it had seen is forgotten");
}

#[tokio::test]
async fn sv_1_another_environment_sees_none_of_it() {
    let stream = Stream::new().await;
    stream.page(stream.fence, &[("a", "{}")]).await.unwrap();
    let (stranger, _) = stream.ground.connection().await;
    let mut tx = stream.ground.store.begin(stream.scope).await.unwrap();
    let feed = tx.records().feed(stream.connection, "s").await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = stream.ground.store.begin(stranger).await.unwrap();
    assert!(matches!(tx.records().feed(stream.connection, "s").await, Err(StoreError::NotFound)));
    let range = RecordRange { feed, after: 0, upto: 10, rows: 10, bytes: 100 };
    assert!(tx.records().read(range, &RecordFilter::default()).await.unwrap().rows.is_empty());
    assert_eq!(tx.records().milestone(range, 1).await.unwrap(), None);
    assert!(tx.records().unsealed(stream.sync, 0, 10).await.unwrap().is_empty());
    assert!(matches!(tx.syncs().find(stream.sync).await, Err(StoreError::NotFound)));
    assert!(matches!(tx.runs().find(stream.fence.run).await, Err(StoreError::NotFound)));
    assert!(matches!(tx.records().lock_for_page(stream.sync, stream.fence).await, Err(StoreError::Superseded(_))));
    let step = tx.records().prune_deleted(stream.sync, 0, now() + TimeDelta::days(1), 10).await.unwrap();
    assert_eq!(step, Step::default());
    tx.commit().await.unwrap();
    // The parts of the table are no way around its wall.
    let behind = "SELECT has_schema_privilege(role, 'patchbay_parts', 'USAGE') FROM unnest(ARRAY['patchbay_app', 'patchbay_bound']) role";
    assert_eq!(stream.ground.sql(behind).await, [[Some("f".to_owned())], [Some("f".to_owned())]]);
    let walls = "SELECT count(*) FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = 'records'::regclass \
        AND c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)";
    assert_eq!(stream.ground.one(walls).await, "16");
}

#[tokio::test]
async fn e_6_what_asks_for_one_sync_opens_one_part_of_the_table() {
    let stream = Stream::new().await;
    stream.page(stream.fence, &[("a", "{}")]).await.unwrap();
    let sync = stream.sync.uuid();
    for query in [
        format!("SELECT * FROM records WHERE sync_id = '{sync}' AND seq > 5 ORDER BY seq LIMIT 10"),
        format!(
            "SELECT * FROM unnest(ARRAY['a']) id LEFT JOIN LATERAL (SELECT * FROM records r WHERE r.sync_id = '{sync}' AND r.external_id = id LIMIT 1) r ON true"
        ),
        format!("DELETE FROM records WHERE sync_id = '{sync}' AND external_id = 'a'"),
    ] {
        let plan = stream.ground.sql(&format!("SET enable_seqscan = off; EXPLAIN {query}")).await;
        let plan = plan.into_iter().map(|row| row[0].clone().unwrap()).collect::<Vec<_>>().join("\n");
        let parts = (0..16).filter(|part| plan.contains(&format!("on records_{part} "))).count();
        assert_eq!(parts, 1, "{plan}");
        assert!(plan.contains("Index Scan") && !plan.contains("Seq Scan"), "{plan}");
    }
}

#[tokio::test]
async fn e_6_records_are_found_by_time_change_id_and_what_they_contain() {
    let stream = Stream::new().await;
    let items = [
        ("a", r#"{"status":"open","by":{"id":7,"name":"A"},"tags":["x","y"]}"#),
        ("b", r#"{"status":"paid","by":{"id":7}}"#),
        ("c", r#"{"status":"open","by":{"id":8}}"#),
        ("d", "{}"),
    ];
    stream.page(stream.fence, &items).await.unwrap();
    stream.page(stream.fence, &[("b", r#"{"status":"open","by":{"id":7}}"#)]).await.unwrap();
    let mut tx = stream.ground.store.begin(stream.scope).await.unwrap();
    tx.records().delete(stream.sync, &["d"], 5, now()).await.unwrap();
    tx.records().end_page(stream.sync, stream.fence, 6, None, Brought::default()).await.unwrap();
    tx.commit().await.unwrap();
    let holds = |text: &str| RecordFilter { holds: Some(text.into()), ..RecordFilter::default() };
    assert_eq!(stream.ids(holds(r#"{"by":{"id":7.0},"status":"open"}"#)).await, ["a", "b"]);
    assert_eq!(stream.ids(holds(r#"{"tags":["y"]}"#)).await, ["a"]);
    assert_eq!(stream.ids(holds(r#"{"by":{"id":"7"}}"#)).await, Vec::<String>::new(), "a text is no number");
    let changes =
        |changes: &[&'static str]| RecordFilter { changes: Some(changes.to_vec()), ..RecordFilter::default() };
    assert_eq!(stream.ids(changes(&["added"])).await, ["a", "c"]);
    assert_eq!(stream.ids(changes(&["updated", "deleted"])).await, ["b", "d"]);
    let ids = |ids: &[&str]| Some(ids.iter().map(|id| (*id).to_owned()).collect());
    assert_eq!(stream.ids(RecordFilter { ids: ids(&["c", "x", "a"]), ..RecordFilter::default() }).await, ["a", "c"]);
    assert_eq!(stream.ids(RecordFilter { ids: ids(&["c", "d"]), ..changes(&["deleted"]) }).await, ["d"]);
    let at = stream.rows(0).await.iter().find(|row| row.external_id == "b").unwrap().updated_at;
    assert_eq!(stream.ids(RecordFilter { since: Some(at), ..RecordFilter::default() }).await, ["b", "d"]);
    assert_eq!(stream.ids(RecordFilter { before: Some(at), ..RecordFilter::default() }).await, ["a", "c"]);
}

#[tokio::test]
async fn a_page_of_the_feed_is_bounded_by_bytes_as_well() {
    let stream = Stream::new().await;
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(100_000));
    let small = "{}";
    let items = [("a", small), ("b", &large), ("c", small), ("d", &large), ("e", &large), ("f", small)];
    stream.page(stream.fence, &items).await.unwrap();
    let (mut after, mut pages) = (0, Vec::new());
    loop {
        let filter = RecordFilter::default();
        let (rows, has_more, _) =
            read(&stream.ground.store, stream.scope, stream.connection, "s", after, &filter, 100, 100_000).await;
        pages.push(rows.iter().map(|row| row.external_id.clone()).collect::<String>());
        let Some(last) = rows.last() else { break };
        after = last.seq;
        if !has_more {
            break;
        }
    }
    assert_eq!(pages, ["ab", "cd", "e", "f"], "each ends with the record that goes beyond");
    let mut tx = stream.ground.store.begin(stream.scope).await.unwrap();
    let feed = tx.records().feed(stream.connection, "s").await.unwrap();
    let range = RecordRange { feed, after: 1, upto: 5, rows: 1, bytes: 1 };
    assert_eq!(tx.records().milestone(range, 3).await.unwrap(), Some(4));
    assert_eq!(tx.records().milestone(range, 5).await.unwrap(), None);
    tx.commit().await.unwrap();
}

/// What a reader of one stream has come to, change by change.
#[derive(Default)]
struct Seen {
    after: i64,
    /// By id, the number and the body.
    state: BTreeMap<String, (i64, String)>,
    pages: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn e_6_the_feed_has_no_gap_and_no_doublet_while_many_write() {
    const WRITERS: usize = 4;
    const STREAMS: usize = 3;
    const PAGES: usize = 60;
    let ground = Arc::new(Ground::new().await);
    let (scope, connection) = ground.connection().await;
    let mut streams = Vec::new();
    for stream in 0..STREAMS {
        streams.push(begin(&ground, scope, connection, &format!("s{stream}")).await);
    }
    // The highest number that a writer knows to be committed, for each stream.
    let committed: Arc<Vec<AtomicI64>> = Arc::new((0..STREAMS).map(|_| AtomicI64::new(0)).collect());
    let is_over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (ground, streams, committed) = (Arc::clone(&ground), streams.clone(), Arc::clone(&committed));
            tokio::spawn(async move {
                for number in 0..PAGES {
                    // Several write pages of the same sync, as a webhook's run does beside a pull; ids overlap.
                    let stream = (writer + number) % STREAMS;
                    let (sync, fence) = streams[stream];
                    let items: Vec<(String, String)> = (0..7)
                        .map(|n| {
                            (
                                format!("id{}", (writer * 13 + number * 5 + n * 3) % 40),
                                format!("{{\"w\":{writer},\"p\":{number}}}"),
                            )
                        })
                        .collect();
                    let mut unique: Vec<(&str, &str)> =
                        items.iter().map(|(id, body)| (id.as_str(), body.as_str())).collect();
                    unique.sort_unstable();
                    unique.dedup_by_key(|(id, _)| id.to_owned());
                    let (_, last) = page(&ground.store, scope, sync, fence, &unique).await.unwrap();
                    committed[stream].fetch_max(last, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let readers: Vec<_> = (0..STREAMS)
        .map(|stream| {
            let (ground, committed, is_over) = (Arc::clone(&ground), Arc::clone(&committed), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut seen = Seen::default();
                loop {
                    let last_round = is_over.load(Ordering::SeqCst);
                    let known = committed[stream].load(Ordering::SeqCst);
                    let name = format!("s{stream}");
                    let filter = RecordFilter::default();
                    let (rows, has_more, upto) =
                        read(&ground.store, scope, connection, &name, seen.after, &filter, 5, 1 << 30).await;
                    seen.pages += 1;
                    for row in &rows {
                        assert!(row.seq > seen.after, "a number came twice or late: {} after {}", row.seq, seen.after);
                        seen.after = row.seq;
                        seen.state.insert(row.external_id.clone(), (row.seq, row.body.clone().unwrap()));
                    }
                    if !has_more {
                        // Whoever is at the end has come past all that was committed before it asked. The last ones may
                        // have moved on meanwhile; they come with their new number.
                        assert!(upto >= known, "at {upto}, though {known} was committed before");
                        seen.after = upto;
                        if last_round {
                            return seen;
                        }
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    is_over.store(true, Ordering::SeqCst);
    for (stream, reader) in readers.into_iter().enumerate() {
        let seen = reader.await.unwrap();
        let sync = streams[stream].0.uuid();
        let rows = ground.sql(&format!("SELECT external_id, seq, body FROM records WHERE sync_id = '{sync}'")).await;
        let stored: BTreeMap<String, (i64, String)> = rows
            .into_iter()
            .map(|row| (row[0].clone().unwrap(), (row[1].clone().unwrap().parse().unwrap(), row[2].clone().unwrap())))
            .collect();
        assert_eq!(seen.state, stored, "the reader's copy is what is stored");
        let last = ground.one(&format!("SELECT last_seq FROM syncs WHERE sync_id = '{sync}'")).await;
        assert_eq!(last.parse::<i64>().unwrap(), seen.after, "no number was given out and not used");
        assert!(seen.pages > 10, "it tailed while they wrote: {} pages", seen.pages);
    }
}

#[tokio::test]
async fn e_6_what_is_kept_no_longer_goes_in_the_order_of_time() {
    let stream = Stream::new().await;
    stream.page(stream.fence, &[("a", "{}"), ("b", "{\"v\":1}"), ("c", "{}"), ("d", "{}")]).await.unwrap();
    let mut tx = stream.ground.store.begin(stream.scope).await.unwrap();
    tx.records().delete(stream.sync, &["a", "c"], 4, now()).await.unwrap();
    tx.records().end_page(stream.sync, stream.fence, 6, None, Brought::default()).await.unwrap();
    tx.commit().await.unwrap();
    stream
        .ground
        .sql("UPDATE records SET updated_at = updated_at - '10 days'::interval WHERE external_id IN ('b', 'a')")
        .await;
    let mut tx = stream.ground.store.begin(stream.scope).await.unwrap();
    let before = now() - TimeDelta::days(5);
    // b (2) is old, d (4) is not: nothing behind it is looked at.
    let step = tx.records().prune_deleted(stream.sync, 0, before, 10).await.unwrap();
    assert_eq!(step, Step { to: 2, seen: 1, changed: 0, highest: 0 });
    let step = tx.records().prune_deleted(stream.sync, 4, before, 10).await.unwrap();
    assert_eq!(step, Step { to: 5, seen: 1, changed: 1, highest: 5 }, "a is gone for good, c is too young");
    let step = tx.records().prune_content(stream.sync, 0, before, 10).await.unwrap();
    assert_eq!((step.to, step.changed), (2, 1));
    assert_eq!(tx.records().prune_content(stream.sync, 2, before, 10).await.unwrap().seen, 0);
    tx.commit().await.unwrap();
    assert_eq!(stream.feed(0).await.iter().map(|(id, ..)| id.as_str()).collect::<Vec<_>>(), ["b", "d", "c"]);
    let b = &stream.rows(0).await[0];
    assert_eq!((b.external_id.as_str(), &b.body, &b.sealed_body), ("b", &None, &None));
    assert_eq!(stream.page(stream.fence, &[("b", "{\"v\":1.0}")]).await.unwrap(), 0, "it is as it was known");
    assert_eq!(stream.page(stream.fence, &[("b", "{\"v\":2}")]).await.unwrap(), 1);
    assert_eq!(stream.rows(6).await[0].body.as_deref(), Some("{\"v\": 2}"), "it is there again when it changes");
}
