//! One provider is down, or one tenant has very much to do; the others notice nothing.

use std::time::Duration;

use acme::{Fault, Misbehaviour};
use http::Method;
use serde_json::json;

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_5_runs_wait_for_a_provider_that_is_down_and_spend_no_try() {
    let world = World::start(Options::default()).await;
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    world.synced(&connection).await;
    let down = Fault::Status { status: 500, retry_after: None, body: None };
    world.acme().misbehave(Misbehaviour { path: "/".into(), skip: 0, times: 100_000, fault: down });
    let key = world.key();
    until("the provider is left alone", PATIENCE, async || {
        let request = key.request(Method::GET, "/v1/proxy/echo").header("patchbay-connection", &connection);
        (request.send().await.status == 502).then_some(())
    })
    .await;
    let before = world.acme().calls().values().sum::<u64>();

    let syncs = key.get(&format!("/v1/syncs?connection={connection}")).await.ok();
    let sync = syncs["data"].as_array().unwrap().iter().find(|sync| sync["stream"] == "orders").unwrap()["id"].clone();
    key.post(&format!("/v1/syncs/{}/trigger", sync.as_str().unwrap()), &json!({})).await.ok();
    let waiting = "SELECT attempt || ' ' || last_error FROM jobs WHERE queue = 'sync_run' AND state = 'waiting' AND run_at > now()";
    let said =
        until("the run waits", PATIENCE, async || world.sql(waiting).await.first().and_then(|row| row[0].clone()))
            .await;
    assert!(said.starts_with("0 ") && said.contains("keeps failing and is left alone"), "{said}");
    // Whatever it waited for, hardly anybody called.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(world.acme().calls().values().sum::<u64>() <= before + 2);

    world.acme().control(acme::Command::Reset).unwrap();
    until("the run has ended", Duration::from_secs(90), async || {
        let runs = key.get(&format!("/v1/runs?sync={}&limit=1", sync.as_str().unwrap())).await.ok();
        let run = &runs["data"][0];
        (run["trigger"] == "api" && run["state"] == "succeeded").then_some(())
    })
    .await;
    world.end().await;
}
