//! `/v1/runs`: what syncs did.

use super::connected::{Connected, ORDERS};

#[tokio::test(flavor = "multi_thread")]
async fn list_runs_filters_and_get_run_counts() {
    let connected = Connected::set().await;
    let sync = connected.sync("orders").await;
    let Connected { world, connection, .. } = connected;
    let listed = world.key().get(&format!("/v1/runs?sync={sync}")).await.ok();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    let run = &listed["data"][0];
    let shown = world.key().get(&format!("/v1/runs/{}", run["id"].as_str().unwrap())).await.ok();
    assert_eq!(&shown, run);
    assert_eq!((shown["state"].as_str(), shown["trigger"].as_str()), (Some("succeeded"), Some("connect")));
    assert_eq!(shown["connection_id"], *connection);
    assert_eq!(shown["counts"]["added"], ORDERS);
    assert!(shown["counts"]["pages"].as_u64().unwrap() >= 1 && shown["error"].is_null(), "{shown}");
    let all = super::edge::walk(&world.key(), "/v1/runs?limit=1", |run| run["id"].as_str().unwrap().to_owned()).await;
    assert_eq!(all.len(), 2);
    world.key().get("/v1/runs/run_00000000000000000000000000").await.problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn list_run_logs_in_order() {
    let Connected { world, runs, .. } = Connected::set().await;
    for run in &runs {
        let path = format!("/v1/runs/{}/logs?limit=1", run["id"].as_str().unwrap());
        let lines = super::edge::walk(&world.key(), &path, |line| line["line"].to_string()).await;
        let numbers: Vec<u32> = lines.iter().map(|line| line.parse().unwrap()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    }
    world.key().get("/v1/runs/run_00000000000000000000000000/logs").await.problem(404, "not_found");
    world.end().await;
}
