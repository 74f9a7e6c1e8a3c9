//! What is gone at the provider, as syncs find it out: by what a full run does not see, and by what a listing of changes says.

use acme::{Command, Fault, Misbehaviour};
use serde_json::{Value, json};

use super::connected::{Connected, ORDERS};
use crate::support::{PATIENCE, World, until};

/// The latest run of a sync.
async fn latest(world: &World, sync: &str) -> Value {
    world.key().get(&format!("/v1/runs?sync={sync}&limit=1")).await.ok()["data"][0].clone()
}

async fn post(world: &World, sync: &str, verb: &str) {
    let asked = world.key().post(&format!("/v1/syncs/{sync}/{verb}"), &Value::Null).await;
    assert!(asked.status < 300, "{verb}: {asked}");
}

/// Has a sync run once more; gives the run when it has ended.
async fn ran(world: &World, sync: &str, verb: &str) -> Value {
    let before = latest(world, sync).await;
    post(world, sync, verb).await;
    until("its run has ended", PATIENCE, async || {
        let run = latest(world, sync).await;
        (run["id"] != before["id"] && run["state"] != "running").then_some(run)
    })
    .await
}

/// How many a run that succeeded added, changed and found gone.
#[track_caller]
fn did(run: &Value) -> [u64; 3] {
    assert_eq!(run["state"], "succeeded", "{run}");
    ["added", "updated", "deleted"].map(|what| run["counts"][what].as_u64().unwrap())
}

/// One of the orders is another one from now on, as if the provider had lost it without a word: only a run that sees all of
/// them can tell.
async fn haunt(world: &World, name: &str) {
    let one = "SELECT sync_id, min(external_id) FROM records JOIN syncs USING (sync_id) \
               WHERE stream = 'orders' AND deleted_at IS NULL GROUP BY 1";
    world.sql(&format!("UPDATE records SET external_id = '{name}' WHERE (sync_id, external_id) IN ({one})")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e_4_a_resync_that_is_given_up_or_broken_off_is_made_up_for_by_the_next_run() {
    let connected = Connected::set().await;
    let sync = connected.sync("orders").await;
    let world = connected.world;
    haunt(&world, "ghost-1").await;
    let refused = Fault::Status { status: 400, retry_after: None, body: Some(json!({ "message": "No." })) };
    world.acme().misbehave(Misbehaviour { path: "/v1/orders".into(), skip: 0, times: 1, fault: refused });
    let given_up = ran(&world, &sync, "resync").await;
    assert_eq!(given_up["state"], "failed", "{given_up}");
    let next = ran(&world, &sync, "trigger").await;
    assert_eq!(did(&next), [1, 0, 1], "it pulls all of them: {next}");
    let all = u64::try_from(ORDERS).unwrap();
    assert_eq!(next["counts"]["unchanged"].as_u64(), Some(all - 1), "{next}");

    haunt(&world, "ghost-2").await;
    let slow = Fault::Slow { ms: 3_000 };
    world.acme().misbehave(Misbehaviour { path: "/v1/orders".into(), skip: 0, times: 100, fault: slow });
    post(&world, &sync, "resync").await;
    until("it is under way", PATIENCE, async || (latest(&world, &sync).await["state"] == "running").then_some(())).await;
    post(&world, &sync, "cancel").await;
    assert_eq!(latest(&world, &sync).await["state"], "cancelled");
    world.acme().control(Command::Reset).unwrap();
    until("its worker has let go", PATIENCE, async || {
        (world.one("SELECT count(*) FROM jobs WHERE queue = 'sync_run'").await == "0").then_some(())
    })
    .await;
    let next = ran(&world, &sync, "trigger").await;
    assert_eq!(did(&next), [1, 0, 1], "{next}");
    let next = ran(&world, &sync, "trigger").await;
    assert_eq!(did(&next), [0, 0, 0], "made up for once: {next}");
    let full = "SELECT string_agg(is_full::text, ' ' ORDER BY run_id) FROM runs JOIN syncs USING (sync_id) WHERE stream = 'orders'";
    assert_eq!(world.one(full).await, "false true true true true false");
    world.end().await;
}
