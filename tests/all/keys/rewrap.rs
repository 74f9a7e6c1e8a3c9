//! Sealing anew while other things happen: pauses, refreshes, and the death of a worker.

use std::process::Stdio;

use chrono::TimeDelta;
use flows::keys;
use store::{Resealed, SEALED_COLUMNS};

use super::desk::{Desk, place, under_old_keys};
use crate::support::*;

async fn world_with(copies: usize, worker: bool) -> (World, Desk, Vec<ids::ConnectionId>) {
    let world = World::start(Options { worker, ..Options::default() }).await;
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    let desk = Desk::at(&world).await;
    let copies = desk.copies_of(&world, &connection, copies).await;
    (world, desk, copies)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_3_a_run_is_paused_and_taken_up_again() {
    let (mut world, desk, copies) = world_with(300, false).await;
    desk.rotate().await;
    let values = under_old_keys(&world).await;
    assert!(!keys::pause_rewrap(desk.ctx()).await.unwrap(), "nothing is under way");
    keys::start_rewrap(desk.ctx()).await.unwrap().unwrap();
    assert!(keys::pause_rewrap(desk.ctx()).await.unwrap());
    world.start_jobs();
    until("the job has gone", PATIENCE, async || {
        (world.one("SELECT count(*) FROM jobs WHERE queue = 'keys_rewrap'").await == "0").then_some(())
    })
    .await;
    let paused = keys::rewrap_progress(desk.ctx()).await.unwrap().unwrap();
    assert_eq!((paused.state.as_str(), paused.total, paused.done), ("paused", values as i64, 0));
    assert_eq!(under_old_keys(&world).await, values);

    let run = desk.rewrapped().await;
    assert_eq!((run.started_at, run.total), (paused.started_at, paused.total), "the same run");
    assert_eq!(under_old_keys(&world).await, 0);
    desk.assert_all_open(&world, &copies).await;
    // One more finds nothing to do and is done at once.
    let again = desk.rewrapped().await;
    assert_eq!((again.total, again.done, again.failed), (0, 0, 0));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_3_whatever_was_written_meanwhile_wins() {
    let (world, desk, copies) = world_with(3, false).await;
    desk.rotate().await;
    // A step of a run has read three values, and sealed them anew.
    let mut tx = desk.services.store.begin(desk.scope).await.unwrap();
    let current = tx.data_keys().current().await.unwrap().unwrap().data_key_id;
    let read = tx.sealed_values().not_under(SEALED_COLUMNS[0], &[current], Default::default(), 100).await.unwrap();
    tx.commit().await.unwrap();
    let mut resealed = Vec::new();
    for value in read.into_iter().filter(|value| copies.iter().any(|id| id.uuid() == value.id)) {
        let (id, old) = (ids::ConnectionId::from_uuid(value.id), value.sealed);
        let sealed = vault::Sealed::from_bytes(old.clone()).unwrap();
        let opened = flows::credentials::open(desk.ctx(), place(id), &sealed).await.unwrap();
        let new = flows::credentials::seal(desk.ctx(), place(id), &opened).await.unwrap();
        resealed.push(Resealed { row: value.id, old, new: new.into_bytes() });
    }
    assert_eq!(resealed.len(), 3);
    // Before they are put in place, one is refreshed and one is gone.
    desk.put(copies[0], "the-refreshed-token").await;
    world.sql(&format!("DELETE FROM connections WHERE connection_id = '{}'", copies[1].uuid())).await;
    let mut tx = desk.services.store.begin(desk.scope).await.unwrap();
    assert_eq!(tx.sealed_values().swap(SEALED_COLUMNS[0], resealed).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let opened = desk.opened(&world, copies[0]).await.unwrap();
    assert!(String::from_utf8(opened).unwrap().contains("the-refreshed-token"));
    desk.assert_all_open(&world, &copies[2..]).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_3_sealing_anew_is_no_new_generation_so_a_refresh_under_way_commits() {
    let (world, desk, copies) = world_with(1, true).await;
    let generation = format!("SELECT generation FROM credentials WHERE connection_id = '{}'", copies[0].uuid());
    let before = world.one(&generation).await;
    desk.rotate().await;
    desk.rewrapped().await;
    assert_eq!(world.one(&generation).await, before);
    desk.assert_all_open(&world, &copies).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_3_a_killed_worker_loses_nothing_and_another_goes_on() {
    let (mut world, desk, copies) = world_with(800, false).await;
    desk.rotate().await;
    let values = under_old_keys(&world).await;
    keys::start_rewrap(desk.ctx()).await.unwrap().unwrap();
    let mut worker = spawn(server_process(&world, "worker"), Stdio::null()).unwrap();
    worker.wait_for_line("working", PATIENCE);
    let done = until("the worker is in the middle of it", PATIENCE, async || {
        let run = keys::rewrap_progress(desk.ctx()).await.unwrap().unwrap();
        (run.done >= 100).then_some(run.done)
    })
    .await;
    worker.kill();
    let left = under_old_keys(&world).await;
    assert!(left > 0 && left < values, "{left} of {values} are left after {done}");
    desk.assert_all_open(&world, &copies).await;

    // Its lease ends, and another one takes over.
    world.clock().advance(TimeDelta::seconds(60));
    world.start_jobs();
    let run = desk.ended().await;
    assert_eq!((run.total, run.done, run.failed), (values as i64, values as i64, 0), "each once");
    assert_eq!(under_old_keys(&world).await, 0);
    desk.assert_all_open(&world, &copies).await;
    world.end().await;
}
