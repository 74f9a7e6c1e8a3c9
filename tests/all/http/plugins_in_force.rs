//! Versions of plugins while runs are under way: upgrade and rollback drop none, every node hears of them, and what is run is what
//! was signed.

use acme::{Fault, Misbehaviour};
use http::Method;
use serde_json::{Value, json};

use super::plugins::{pin, rollback, unchanged, with_author};
use crate::{
    faults::worker_killed::in_second_page,
    support::{Author, Options, PATIENCE, TenantKey, World, push, pushing, start_node_of, until},
};

/// What the newest run of a stream says of its plugin's version, once it has ended.
async fn newest_run(world: &World, connection: &str, stream: &str) -> Value {
    world.synced(connection).await.into_iter().find(|run| run["stream"] == stream).unwrap()
}

async fn log_of(world: &World, run: &Value) -> String {
    world.key().get(&format!("/v1/runs/{}/logs", run["id"].as_str().unwrap())).await.ok().to_string()
}

async fn trigger(world: &World, run: &Value) {
    let path = format!("/v1/syncs/{}/trigger", run["sync_id"].as_str().unwrap());
    let before = world.one("SELECT count(*) FROM runs").await;
    world.key().post(&path, &json!({})).await.ok();
    until("another run has begun", PATIENCE, async || {
        (world.one("SELECT count(*) FROM runs").await != before).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_9_a_run_under_way_ends_on_the_version_that_it_began_with_and_the_next_uses_the_new() {
    let (world, author) = with_author().await;
    let key = world.key();
    push(&key, &author.acme("acme", "1.1.0", unchanged).await).await.ok();
    pin(&key, "acme", "1.0.0").await.ok();
    world.use_acme(acme::Options { orders: 2_500, workers: 1, ..acme::Options::default() });
    let integration = world.acme_integration().await;
    // The answer to the second page waits until the other version is pinned.
    world.acme().misbehave(Misbehaviour {
        path: "/v1/orders".into(),
        skip: 1,
        times: 1,
        fault: Fault::Slow { ms: 3_000 },
    });
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    until("the second page is asked for", PATIENCE, async || {
        (world.acme().calls().get("GET /v1/orders").copied() >= Some(2)).then_some(())
    })
    .await;
    pin(&key, "acme", "1.1.0").await.ok();
    let detail = key.delete("/v1/plugins/acme/versions/1.0.0").await.problem(409, "conflict").detail;
    assert!(detail.contains("under way"), "{detail}");
    let run = newest_run(&world, &connection, "orders").await;
    assert_eq!((&run["state"], &run["counts"]["added"]), (&json!("succeeded"), &json!(2_500)), "{run}");
    assert!(log_of(&world, &run).await.contains("version is 1.0.0"), "{}", log_of(&world, &run).await);
    trigger(&world, &run).await;
    let next = newest_run(&world, &connection, "orders").await;
    assert!(log_of(&world, &next).await.contains("version is 1.1.0"), "{}", log_of(&world, &next).await);
    rollback(&key, "acme", None).await.ok();
    trigger(&world, &run).await;
    let back = newest_run(&world, &connection, "orders").await;
    assert!(log_of(&world, &back).await.contains("version is 1.0.0"), "{}", log_of(&world, &back).await);
    assert_eq!(key.delete("/v1/plugins/acme/versions/1.1.0").await.status, 204, "no run is on it any more");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_9_a_run_whose_worker_was_killed_ends_on_the_version_that_it_began_with() {
    let mut world = World::start(Options { worker: false, ..Options::default() }).await;
    let (key, author) = (world.key(), Author::new(1));
    author.trusted_by(&key).await;
    for number in ["1.0.0", "1.1.0"] {
        push(&key, &author.acme("acme", number, unchanged).await).await.ok();
    }
    pin(&key, "acme", "1.0.0").await.ok();
    world.use_acme(acme::Options { orders: 2_500, workers: 1, ..acme::Options::default() });
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    let mut worker = in_second_page(&world).await;
    worker.kill();
    pin(&key, "acme", "1.1.0").await.ok();
    world.clock().advance(chrono::TimeDelta::seconds(60));
    world.start_jobs();
    let run = newest_run(&world, &connection, "orders").await;
    assert_eq!((&run["state"], &run["counts"]["added"]), (&json!("succeeded"), &json!(2_500)), "{run}");
    let log = log_of(&world, &run).await;
    assert!(log.contains("Goes on after page 1. The plugin's version is 1.0.0."), "{log}");
    trigger(&world, &run).await;
    let next = newest_run(&world, &connection, "orders").await;
    assert!(log_of(&world, &next).await.contains("version is 1.1.0"), "{}", log_of(&world, &next).await);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_9_another_node_hears_of_what_is_in_force() {
    let (world, author) = with_author().await;
    let key = world.key();
    let named = |text: String| text.replace("base_url = \"{api}\"", "base_url = \"{api}/v1\"");
    push(&key, &author.acme("acme", "1.1.0", named).await).await.ok();
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    world.synced(&connection).await;
    let (mut node, origin) = start_node_of(&world, "");
    let there = TenantKey::at(&origin, &world.tenant().secret);
    let call = async |path: &str| {
        let request = there.request(Method::GET, path).header("patchbay-connection", &connection);
        request.send().await.status
    };
    // In its memory by now.
    assert_eq!((call("/v1/proxy/v1/orders?limit=1").await, call("/v1/proxy/orders?limit=1").await), (200, 404));
    pin(&key, "acme", "1.1.0").await.ok();
    until("the other node calls by the new manifest", PATIENCE, async || {
        (call("/v1/proxy/orders?limit=1").await == 200).then_some(())
    })
    .await;
    assert_eq!(call("/v1/proxy/v1/orders?limit=1").await, 404);
    key.delete("/v1/plugins/acme/pin").await;
    until("the other node calls by the installed one again", PATIENCE, async || {
        (call("/v1/proxy/v1/orders?limit=1").await == 200).then_some(())
    })
    .await;
    node.kill();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_9_a_stream_that_a_version_drops_fails_clearly_and_its_records_stay() {
    let (world, author) = with_author().await;
    let key = world.key();
    pin(&key, "acme", "1.0.0").await.ok();
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    let runs = world.synced(&connection).await;
    let run = runs.iter().find(|run| run["stream"] == "customers").unwrap();
    let records = world.records(&connection, "customers").await;
    assert!(!records.is_empty());
    let without = |text: String| text.replace("name = \"customers\"", "name = \"people\"");
    let pushed = push(&key, &author.acme("acme", "2.0.0", without).await).await.ok();
    assert_eq!(pushed["asks"], json!([{ "kind": "stream_removed", "what": "customers" }]), "{pushed}");
    key.post("/v1/plugins/acme/versions/2.0.0/approve", &json!({})).await.ok();
    pin(&key, "acme", "2.0.0").await.ok();
    trigger(&world, run).await;
    let failed = newest_run(&world, &connection, "customers").await;
    assert_eq!((&failed["state"], &failed["error"]["code"]), (&json!("failed"), &json!("no_stream")), "{failed}");
    assert!(failed.to_string().contains("no stream `customers`"), "{failed}");
    assert_eq!(world.records(&connection, "customers").await, records, "the data stays");
    rollback(&key, "acme", None).await.ok();
    trigger(&world, run).await;
    assert_eq!(newest_run(&world, &connection, "customers").await["state"], json!("succeeded"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pl_5_a_component_that_was_altered_in_the_database_is_not_run() {
    let (world, _author) = with_author().await;
    let key = world.key();
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    let runs = world.synced(&connection).await;
    pin(&key, "acme", "1.0.0").await.ok();
    // A component that would be taken as it stands: nobody signed it.
    let other = pushing::component();
    let section = b"\0\x04\x03odd";
    let hex: String = other.iter().chain(section).map(|byte| format!("{byte:02x}")).collect();
    world.sql(&format!("UPDATE plugin_components SET component = decode('{hex}', 'hex')")).await;
    trigger(&world, &runs[0]).await;
    let log = until("the run says why it waits", PATIENCE, async || {
        let newest = key.get(&format!("/v1/runs?connection={connection}")).await.ok()["data"][0].clone();
        let log = log_of(&world, &newest).await;
        log.contains("Goes on in").then_some(log)
    })
    .await;
    assert!(log.contains("plugin host failed"), "{log}");
    assert_eq!(world.one("SELECT count(*) FROM runs WHERE pages > 0 AND state = 'running'").await, "0");
    // Put right, it goes on by itself.
    let hex: String = other.iter().map(|byte| format!("{byte:02x}")).collect();
    world.sql(&format!("UPDATE plugin_components SET component = decode('{hex}', 'hex')")).await;
    world.clock().advance(chrono::TimeDelta::minutes(10));
    let runs = world.synced(&connection).await;
    assert_eq!(runs[0]["state"], json!("succeeded"), "{}", runs[0]);
    world.end().await;
}
