//! Records: pages under a fence, nothing written that is as it was, a feed without gaps.

use domain::{
    Scope,
    content::ContentHasher,
    run::{Counts, SyncMode, Trigger},
};
use ids::{RunId, SyncId};
use store::{NewRecord, NewSync, RunFence, StoreError};

use super::{Ground, now};

struct Stream {
    ground: Ground,
    scope: Scope,
    sync: SyncId,
    fence: RunFence,
}

impl Stream {
    async fn new() -> Self {
        let ground = Ground::new().await;
        let (scope, connection) = ground.connection().await;
        let new = NewSync {
            id: ground.mint.id(SyncId::new),
            stream: "s".into(),
            mode: SyncMode::Full,
            every_seconds: 60,
            next_run_at: now(),
        };
        let mut tx = ground.store.begin(scope).await.unwrap();
        let sync = tx.syncs().ensure(connection, std::slice::from_ref(&new), now()).await.unwrap()[0];
        let again = NewSync { id: ground.mint.id(SyncId::new), ..new };
        assert_eq!(tx.syncs().ensure(connection, &[again], now()).await.unwrap(), [sync], "a stream has one sync");
        let run = ground.mint.id(RunId::new);
        let fence = tx.runs().begin(run, sync, connection, Trigger::Api, true, now()).await.unwrap();
        tx.commit().await.unwrap();
        Self { ground, scope, sync, fence }
    }

    /// What ingesting a page does, in short. Gives how many were written.
    async fn page(&self, fence: RunFence, items: &[(&str, &str)]) -> Result<usize, StoreError> {
        let mut hasher = ContentHasher::default();
        let hashes: Vec<[u8; 32]> = items.iter().map(|(_, body)| hasher.hash(body).unwrap()).collect();
        let ids: Vec<&str> = items.iter().map(|(id, _)| *id).collect();
        let slices: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
        let mut tx = self.ground.store.begin(self.scope).await?;
        let place = tx.records().lock_for_page(self.sync, fence).await?;
        let differences = tx.records().differences(self.sync, &ids, &slices).await?;
        let changed: Vec<NewRecord<'_>> = differences
            .iter()
            .map(|one| NewRecord {
                external_id: ids[one.index],
                content_hash: slices[one.index],
                body: items[one.index].1,
            })
            .collect();
        tx.records().upsert(self.sync, &changed, place.last_seq, now()).await?;
        tx.records().saw(fence.run, place.page, &ids).await?;
        let last_seq = place.last_seq + i64::try_from(changed.len()).unwrap();
        tx.records().end_page(self.sync, fence, last_seq, Some("c"), Counts::default()).await?;
        tx.commit().await?;
        Ok(changed.len())
    }

    async fn feed(&self, after: i64) -> Vec<(String, i64, bool)> {
        let mut tx = self.ground.store.begin(self.scope).await.unwrap();
        let rows = tx.records().feed(self.sync, after, 100).await.unwrap();
        tx.commit().await.unwrap();
        rows.into_iter().map(|row| (row.external_id, row.seq, row.deleted_at.is_some())).collect()
    }
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
async fn e_4_a_full_run_finds_what_is_gone_and_what_is_there_again() {
    let stream = Stream::new().await;
    stream.page(stream.fence, &[("a", "{}"), ("b", "{}"), ("c", "{}")]).await.unwrap();
    stream.ground.sql("UPDATE run_seen SET external_ids = ARRAY['b']").await;
    let mut tx = stream.ground.store.begin(stream.scope).await.unwrap();
    assert_eq!(tx.records().delete_unseen(stream.sync, stream.fence.run, 3, now()).await.unwrap(), 2);
    assert_eq!(tx.records().delete(stream.sync, &["a", "b", "x"], 5, now()).await.unwrap(), 1, "a is gone already");
    tx.records().end_page(stream.sync, stream.fence, 6, None, Counts::default()).await.unwrap();
    tx.commit().await.unwrap();
    let gone = [("a".to_owned(), 4, true), ("c".to_owned(), 5, true), ("b".to_owned(), 6, true)];
    assert_eq!(stream.feed(0).await, gone);
    assert_eq!(stream.page(stream.fence, &[("c", "{}")]).await.unwrap(), 1, "the same content, but there again");
    assert_eq!(stream.feed(6).await, [("c".to_owned(), 7, false)]);
}

#[tokio::test]
async fn ft_1_a_page_of_a_worker_that_lost_the_run_is_refused() {
    let stream = Stream::new().await;
    let mut tx = stream.ground.store.begin(stream.scope).await.unwrap();
    let (run, fence) = tx.runs().take_up(stream.sync).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert_eq!((run.id, fence.run, fence.number), (stream.fence.run, stream.fence.run, stream.fence.number + 1));
    let refused = stream.page(stream.fence, &[("a", "{}")]).await;
    assert!(matches!(refused, Err(StoreError::Superseded(_))), "{refused:?}");
    assert_eq!(stream.ground.one("SELECT count(*) FROM records").await, "0");
    stream.page(fence, &[("a", "{}")]).await.unwrap();
    let mut tx = stream.ground.store.begin(stream.scope).await.unwrap();
    tx.runs().end(fence, None, now()).await.unwrap();
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
    let mut tx = stream.ground.store.begin(stranger).await.unwrap();
    assert!(tx.records().feed(stream.sync, 0, 10).await.unwrap().is_empty());
    assert!(matches!(tx.syncs().find(stream.sync).await, Err(StoreError::NotFound)));
    assert!(matches!(tx.runs().find(stream.fence.run).await, Err(StoreError::NotFound)));
    assert!(matches!(tx.records().lock_for_page(stream.sync, stream.fence).await, Err(StoreError::Superseded(_))));
    tx.commit().await.unwrap();
}
