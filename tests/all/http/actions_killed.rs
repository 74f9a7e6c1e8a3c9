//! Calls of actions whose server or worker dies in the middle of them: never repeated in silence.

use std::process::Stdio;

use acme::{Fault, Misbehaviour};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::*;

const ORDER: &str = "ord_000003";
const CALLS: &str = "POST /v1/orders/ord_000003/cancel";

/// A world without a worker, in which a shop is connected and does not answer when an order is to be cancelled.
async fn hanging(folder: Option<std::path::PathBuf>) -> (World, String) {
    let world = World::start(Options { worker: false, plugins: folder, ..Options::default() }).await;
    world.use_acme(acme::Options { orders: 30, customers: 10, workers: 1, ..acme::Options::default() });
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-1", "shop_north").await;
    let path = format!("/v1/orders/{ORDER}");
    world.acme().misbehave(Misbehaviour { path, skip: 0, times: 1, fault: Fault::Hang });
    (world, format!("/v1/connections/{connection}/actions/cancel_order"))
}

fn body() -> Value {
    json!({ "input": { "order_id": ORDER } })
}

async fn sent_once(world: &World) {
    until("the provider was asked", PATIENCE, async || world.acme().calls().contains_key(CALLS).then_some(())).await;
    assert_eq!(world.acme().calls()[CALLS], 1);
}

async fn over(world: &World, id: &str) -> Value {
    until("the call is over", PATIENCE, async || {
        let run = world.key().get(&format!("/v1/action-runs/{id}")).await.ok();
        run["finished_at"].is_string().then_some(run)
    })
    .await
}

/// Has a worker of its own take the call up, and kills it when the provider was asked.
async fn killed_worker(world: &World, path: &str) -> String {
    let key = world.key();
    let taken = key.request(http::Method::POST, path).header("prefer", "respond-async").json(&body()).send().await;
    assert_eq!(taken.status, 202, "{taken}");
    let mut worker = spawn(server_process(world, "worker"), Stdio::null()).unwrap();
    worker.wait_for_line("working", PATIENCE);
    sent_once(world).await;
    worker.kill();
    taken.ok()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ft_1_an_action_whose_worker_died_is_not_repeated() {
    let (mut world, path) = hanging(None).await;
    let id = killed_worker(&world, &path).await;
    let shown = world.key().get(&format!("/v1/action-runs/{id}")).await.ok();
    assert_eq!(shown["state"], "running", "nobody knows yet: {shown}");
    world.clock().advance(TimeDelta::seconds(60));
    world.start_jobs();
    let run = over(&world, &id).await;
    assert_eq!((&run["state"], &run["error"]["code"]), (&json!("unknown"), &json!("interrupted")), "{run}");
    assert_eq!(run["error"]["blame"], "platform");
    let told = world.sql("SELECT data->>'state' FROM events WHERE kind = 'action.finished'").await;
    assert_eq!(told, [[Some("unknown".to_owned())]]);
    assert_eq!(world.acme().calls()[CALLS], 1, "not asked again");
    assert_eq!(world.one("SELECT count(*) FROM action_runs WHERE input IS NOT NULL").await, "0");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ft_1_an_action_that_may_be_repeated_is_performed_by_the_next_worker() {
    // The same plugin, whose manifest says that a second time does no harm.
    let folder = root().join("target/tests/actions-that-may-be-repeated");
    std::fs::create_dir_all(folder.join("acme")).unwrap();
    let of_acme = |file: &str| crate::support::plugins().join("acme").join(file);
    let manifest = std::fs::read_to_string(of_acme("provider.toml")).unwrap();
    let safe = manifest.replace("name = \"cancel_order\"\n", "name = \"cancel_order\"\nis_idempotent = true\n");
    assert_ne!(safe, manifest);
    std::fs::write(folder.join("acme/provider.toml"), safe).unwrap();
    std::fs::copy(of_acme("plugin.wasm"), folder.join("acme/plugin.wasm")).unwrap();
    let (mut world, path) = hanging(Some(folder)).await;
    let id = killed_worker(&world, &path).await;
    world.clock().advance(TimeDelta::seconds(60));
    world.start_jobs();
    let run = over(&world, &id).await;
    assert_eq!((&run["state"], &run["tries"]), (&json!("succeeded"), &json!(2)), "{run}");
    assert_eq!(run["output"]["status"], "cancelled", "{run}");
    assert_eq!(world.acme().calls()[CALLS], 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ft_1_a_call_whose_server_died_is_found_out_about() {
    let (mut world, path) = hanging(None).await;
    let (mut node, origin) = start_node_of(&world, "");
    let there = TenantKey::at(&origin, &world.tenant().secret);
    let asking = tokio::spawn({
        let path = path.clone();
        async move {
            let request = there.request(http::Method::POST, &path).header("idempotency-key", "once").json(&body());
            request.try_send().await.is_err()
        }
    });
    sent_once(&world).await;
    node.kill();
    assert!(asking.await.unwrap(), "there was no answer");
    let key = world.key();
    let again =
        async || key.request(http::Method::POST, &path).header("idempotency-key", "once").json(&body()).send().await;
    again().await.problem(409, "request_in_flight");
    // Longer than the action may take, and somebody comes looking.
    world.clock().advance(TimeDelta::seconds(90));
    world.start_jobs();
    let problem = until("it was found out", PATIENCE, async || {
        let answer = again().await;
        (answer.status != 409).then(|| answer.problem(504, "action_unknown"))
    })
    .await;
    assert_eq!(problem.blame.as_deref(), Some("platform"), "{problem:?}");
    assert_eq!(world.acme().calls()[CALLS], 1, "asked once");
    assert_eq!(world.one("SELECT count(*) FROM action_runs").await, "1");
    world.end().await;
}
