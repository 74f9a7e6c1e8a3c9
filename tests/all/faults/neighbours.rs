//! One provider is down, or one tenant has very much to do; the others notice nothing.

use std::{path::PathBuf, time::Duration};

use acme::{Command, Fault, Misbehaviour};
use http::Method;
use serde_json::{Value, json};

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

/// The demo provider alone, for worlds that have instances of plugins of their own.
fn acme_alone(test: &str) -> PathBuf {
    let folder = root().join("target/tests").join(test);
    std::fs::create_dir_all(folder.join("acme")).unwrap();
    for file in ["provider.toml", "plugin.wasm"] {
        std::fs::copy(plugins().join("acme").join(file), folder.join("acme").join(file)).unwrap();
    }
    folder
}

/// Cancels an order and waits for the answer.
async fn cancel(key: TenantKey, connection: String, order: &'static str) -> Answer {
    let path = format!("/v1/connections/{connection}/actions/cancel_order");
    key.post(&path, &json!({ "input": { "order_id": order } })).await
}

fn spoil(world: &World, path: &str, times: u32, fault: Fault) {
    world.acme().misbehave(Misbehaviour { path: path.into(), skip: 0, times, fault });
}

/// Waits until the provider was asked so often to cancel an order.
async fn asked(world: &World, order: &str, times: u64) {
    let call = format!("POST /v1/orders/{order}/cancel");
    until("the provider was asked", PATIENCE, async || (world.acme().calls().get(&call) == Some(&times)).then_some(()))
        .await;
}

/// A tenant beside the first one, with a shop of its own. Gives its connection.
async fn neighbour(world: &World, key: &TenantKey) -> String {
    let origin = world.acme().origin();
    let wish = json!({ "provider": "acme", "client_id": "lamplight", "client_secret": "acme-client-secret-of-the-tests",
        "variables": { "auth": origin, "api": origin } });
    key.post("/v1/integrations", &wish).await.ok();
    let mint = Command::Mint { client_id: "lamplight".into(), account: "shop_south".into() };
    let tokens = world.acme().control(mint).unwrap();
    let tokens = json!({ "access_token": tokens["access_token"], "refresh_token": tokens["refresh_token"] });
    let bring = json!({ "integration": "acme", "end_user": { "id": "merchant-2" }, "tokens": tokens });
    let connection = key.post("/v1/connections", &bring).await.ok()["id"].as_str().unwrap().to_owned();
    ended(key, &connection, 2).await;
    connection
}

/// Waits until so many runs of a connection have succeeded and none is under way.
async fn ended(key: &TenantKey, connection: &str, wanted: usize) {
    until("the runs have ended", PATIENCE, async || {
        let runs = key.get(&format!("/v1/runs?connection={connection}")).await.ok();
        let states: Vec<&Value> = runs["data"].as_array().unwrap().iter().map(|run| &run["state"]).collect();
        (states.len() >= wanted && states.iter().all(|state| **state == "succeeded")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ft_4_a_tenant_whose_calls_hang_leaves_instances_to_its_neighbours() {
    let options = Options {
        plugins: Some(acme_alone("calls-that-hang")),
        configure: |config| (config.plugins.instances, config.plugins.tenant_share) = (4, 50),
        ..Options::default()
    };
    let world = World::start(options).await;
    world.use_acme(acme::Options { orders: 30, customers: 10, workers: 1, ..acme::Options::default() });
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-1", "shop_north").await;
    world.synced(&connection).await;
    let stranger = world.stranger("neighbour").await;
    let theirs = neighbour(&world, &stranger.key()).await;

    // Two calls are the tenant's part of four instances. One of the callers hangs up: its call goes on, and so does its place.
    spoil(&world, "/v1/orders/ord_000003", 2, Fault::Hang);
    let call = |order| tokio::spawn(cancel(world.key(), connection.clone(), order));
    let (waiting, gone) = (call("ord_000003"), call("ord_000003"));
    asked(&world, "ord_000003", 2).await;
    gone.abort();
    let full = cancel(world.key(), connection.clone(), "ord_000004").await;
    let problem = full.problem(429, "rate_limited");
    assert!(problem.detail.contains("respond-async") && full.retry_after().is_some(), "{full}");
    assert_eq!(world.one("SELECT count(*) FROM action_runs").await, "2", "nothing was begun");

    // The neighbour calls and pulls as ever, while those hang.
    let done = cancel(stranger.key(), theirs.clone(), "ord_000004").await;
    assert_eq!((done.status, &done.json()["state"]), (200, &json!("succeeded")), "{done}");
    let syncs = stranger.key().get(&format!("/v1/syncs?connection={theirs}")).await.ok();
    let sync = syncs["data"][0]["id"].as_str().unwrap();
    stranger.key().post(&format!("/v1/syncs/{sync}/trigger"), &json!({})).await.ok();
    ended(&stranger.key(), &theirs, 3).await;

    // What hung is over, and both places are there again: two calls are at the provider at the same time.
    waiting.await.unwrap().problem(504, "action_unknown");
    let over = "SELECT count(*) FROM action_runs WHERE state = 'unknown'";
    until("both are over", PATIENCE, async || (world.one(over).await == "2").then_some(())).await;
    spoil(&world, "/v1/orders/ord_000005", 2, Fault::Slow { ms: 2_000 });
    let (one, other) = (call("ord_000005"), call("ord_000005"));
    asked(&world, "ord_000005", 2).await;
    let answers = [one.await.unwrap().status, other.await.unwrap().status];
    assert!(answers.contains(&200) && !answers.contains(&429), "{answers:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ft_4_who_finds_no_instance_waits_for_one_and_spends_no_try() {
    let options = Options {
        worker: false,
        plugins: Some(acme_alone("one-instance")),
        configure: |config| config.plugins.instances = 1,
        ..Options::default()
    };
    let mut world = World::start(options).await;
    world.use_acme(acme::Options { orders: 30, customers: 10, workers: 1, ..acme::Options::default() });
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-1", "shop_north").await;
    // Longer than an instance is waited for. Of both syncs one has the only instance then.
    spoil(&world, "/v1/", 1, Fault::Slow { ms: 14_000 });
    let before = world.acme().calls().values().sum::<u64>();
    world.start_jobs();
    until("one of them pulls", PATIENCE, async || (world.acme().calls().values().sum::<u64>() > before).then_some(()))
        .await;
    let key = world.key();
    let path = format!("/v1/connections/{connection}/actions/cancel_order");
    let body = json!({ "input": { "order_id": "ord_000003" } });
    let taken = key.request(Method::POST, &path).header("prefer", "respond-async").json(&body).send().await;
    assert_eq!(taken.status, 202, "{taken}");

    let waiting =
        "SELECT attempt || ' ' || last_error FROM jobs WHERE state = 'waiting' AND last_error IS NOT NULL AND queue =";
    for queue in ["sync_run", "action_run"] {
        let said = until("it waits for an instance", PATIENCE, async || {
            world.sql(&format!("{waiting} '{queue}'")).await.first().and_then(|row| row[0].clone())
        })
        .await;
        assert_eq!(said, "0 all 1 plugin instances are in use", "{queue}");
    }
    world.synced(&connection).await;
    ended(&key, &connection, 2).await;
    let run = format!("/v1/action-runs/{}", taken.ok()["id"].as_str().unwrap());
    until("it is performed", PATIENCE, async || (key.get(&run).await.ok()["state"] == "succeeded").then_some(())).await;
    world.end().await;
}
