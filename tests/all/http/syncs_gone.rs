//! What is gone at the provider, as syncs find it out: by what a full run does not see, and by what a listing of changes says.

use acme::{Command, Fault, Kind, Misbehaviour};
use serde_json::{Value, json};

use super::connected::{Connected, ORDERS};
use crate::support::{PATIENCE, World, until};

const SHOP: &str = "shop_north";

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
async fn e_4_what_the_provider_deletes_is_gone_after_a_run_of_either_kind_and_back_when_it_is_there_again() {
    let connected = Connected::set().await;
    let syncs = [
        ("customers", Kind::Customers, connected.sync("customers").await),
        ("orders", Kind::Orders, connected.sync("orders").await),
    ];
    let Connected { world, connection, .. } = connected;
    for (stream, kind, sync) in &syncs {
        let before = world.records(&connection, stream).await;
        let id = world.acme().ids(SHOP, *kind).swap_remove(3);
        let is_gone = async || {
            let records = world.records(&connection, stream).await;
            let record = records.iter().find(|record| record["id"] == id.as_str()).unwrap();
            record["deleted_at"].is_string()
        };
        world.acme().control(Command::Delete { account: SHOP.into(), kind: *kind, ids: vec![id.clone()] }).unwrap();
        // All customers but that one; of the orders what changed, with a tombstone.
        let run = ran(&world, sync, "trigger").await;
        assert_eq!((did(&run), is_gone().await), ([0, 0, 1], true), "{stream}: {run}");
        let run = ran(&world, sync, "trigger").await;
        assert_eq!((did(&run), is_gone().await), ([0, 0, 0], true), "{stream}, once: {run}");

        // It is listed as it was before: all customers, and the one order as a change.
        let listed = before.iter().filter(|one| *kind == Kind::Customers || one["id"] == id.as_str());
        let listed: Vec<&Value> = listed.map(|one| &one["data"]).collect();
        let page = Some(json!({ "data": listed, "next": null }));
        let answer = Fault::Status { status: 200, retry_after: None, body: page };
        world.acme().misbehave(Misbehaviour { path: format!("/v1/{stream}"), skip: 0, times: 1, fault: answer });
        let run = ran(&world, sync, "trigger").await;
        assert_eq!((did(&run), is_gone().await), ([1, 0, 0], false), "{stream}, with the same content: {run}");
        let run = ran(&world, sync, "trigger").await;
        assert_eq!((did(&run), is_gone().await), ([0, 0, 1], true), "{stream}, and gone once more: {run}");
    }
    world.end().await;
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
    until("it is under way", PATIENCE, async || (latest(&world, &sync).await["state"] == "running").then_some(()))
        .await;
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
