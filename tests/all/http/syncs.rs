//! `/v1/syncs`: recurring pulls, triggered, paused and resumed by hand.

use serde_json::Value;

use super::connected::Connected;
use crate::support::{PATIENCE, until};

#[tokio::test(flavor = "multi_thread")]
async fn list_syncs_has_one_per_stream() {
    let Connected { world, connection, .. } = Connected::set().await;
    let syncs = world.key().get(&format!("/v1/syncs?connection={connection}")).await.ok();
    let mut streams: Vec<_> =
        syncs["data"].as_array().unwrap().iter().map(|sync| sync["stream"].as_str().unwrap()).collect();
    streams.sort_unstable();
    assert_eq!(streams, ["customers", "orders"]);
    for sync in syncs["data"].as_array().unwrap() {
        assert_eq!(
            (sync["paused"].as_bool(), sync["last_run"]["state"].as_str()),
            (Some(false), Some("succeeded")),
            "{sync}"
        );
        let due: chrono::DateTime<chrono::Utc> = sync["next_run_at"].as_str().unwrap().parse().unwrap();
        assert!(due > chrono::Utc::now() + chrono::TimeDelta::minutes(10), "the next run is on schedule: {sync}");
    }
    let streams =
        super::edge::walk(&world.key(), "/v1/syncs?limit=1", |sync| sync["stream"].as_str().unwrap().to_owned()).await;
    assert_eq!(streams.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trigger_sync_runs_now() {
    let connected = Connected::set().await;
    let sync = connected.sync("orders").await;
    let Connected { world, connection, runs } = connected;
    let triggered = world.key().post(&format!("/v1/syncs/{sync}/trigger"), &Value::Null).await;
    assert_eq!(triggered.status, 202, "{triggered}");
    let run = until("a triggered run has ended", PATIENCE, async || {
        let listed = world.key().get(&format!("/v1/runs?connection={connection}&sync={sync}")).await.ok();
        let runs = listed["data"].as_array().unwrap();
        runs.iter().find(|run| run["trigger"] == "api" && run["state"] != "running").cloned()
    })
    .await;
    assert_eq!(run["state"], "succeeded", "{run}");
    assert_eq!(run["counts"]["added"], 0, "nothing is new: {run}");
    assert!(!runs.iter().any(|before| before["id"] == run["id"]));
    world.key().post("/v1/syncs/sync_00000000000000000000000000/trigger", &Value::Null).await.problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_sync_and_resume_sync() {
    let connected = Connected::set().await;
    let sync = connected.sync("orders").await;
    let world = connected.world;
    let post = async |verb: &str| world.key().post(&format!("/v1/syncs/{sync}/{verb}"), &Value::Null).await;
    let paused = post("pause").await.ok();
    assert_eq!(paused["paused"], true);
    assert_eq!(post("pause").await.ok()["paused"], true, "twice is as good as once");
    assert!(post("trigger").await.problem(409, "conflict").detail.contains("Resume"));
    let runs = world.one("SELECT count(*) FROM runs").await;
    world.clock().advance(chrono::TimeDelta::hours(48));
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let of_orders = world.one("SELECT count(*) FROM runs JOIN syncs USING (sync_id) WHERE stream = 'orders'").await;
    assert_eq!(of_orders, "1", "a paused sync is never due; runs before: {runs}");
    let resumed = post("resume").await.ok();
    assert_eq!(resumed["paused"], false);
    assert!(post("trigger").await.status == 202);
    until("it runs again", PATIENCE, async || {
        let sql =
            "SELECT count(*) FROM runs JOIN syncs USING (sync_id) WHERE stream = 'orders' AND state = 'succeeded'";
        (world.one(sql).await != "1").then_some(())
    })
    .await;
    world.end().await;
}
