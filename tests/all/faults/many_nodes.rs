//! A provider's limit, with three nodes that know it, and with three workers.

use std::{
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use http::Method;

use super::counted::{Counted, connected, connected_with, most_within};
use crate::{bad_input::guest, support::*};

async fn call(key: &TenantKey, connection: &str) -> Answer {
    key.request(Method::GET, "/v1/proxy/things").header("patchbay-connection", connection).send().await
}

/// Three nodes, each with so many callers that call as fast as they are let, for so long.
async fn crowd(world: &World, connection: &str, callers: usize, stretch: Duration) {
    let nodes: Vec<(Child, String)> = (0..3).map(|_| start_node_of(world, "")).collect();
    let keys: Vec<Arc<TenantKey>> =
        nodes.iter().map(|(_, origin)| Arc::new(TenantKey::at(origin, &world.tenant().secret))).collect();
    let until = Instant::now() + stretch;
    let callers = keys.iter().cycle().take(callers * 3).map(|key| {
        let (key, connection) = (Arc::clone(key), connection.to_owned());
        tokio::spawn(async move {
            while Instant::now() < until {
                let answer = call(&key, &connection).await;
                // Who waited in vain for longer than a call may comes again.
                assert!(matches!(answer.status, 200 | 429), "{answer}");
                if answer.status == 429 {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        })
    });
    for caller in join_all(callers.collect::<Vec<_>>()).await {
        caller.unwrap();
    }
}

/// How many lengths of the limit there are calls waiting, and over how many of them in a row it is counted what was used.
const RUN: u8 = 6;
const SPAN: u8 = 3;

/// The provider saw no more than the limit in any stretch of its length, wherever one lays it, and no less than nine tenths
/// of it while calls were waiting.
///
/// That is strict at the top, for every stretch there is. At the bottom it is the best of all spans of [`SPAN`] lengths: what
/// is not used in time is gone, so a machine that does something else for a second loses calls that no book could hand out
/// again. No burst makes up for a book that hands out too few: no length of the span holds more than the limit.
fn is_kept_and_used(counted: &Counted, calls: usize, per: Duration) {
    let arrivals = counted.arrivals();
    let most = most_within(&arrivals, per);
    assert!(most <= calls, "{most} calls within {per:?}, allowed are {calls}");
    let (used, allowed) = (most_within(&arrivals, per * u32::from(SPAN)), calls * usize::from(SPAN));
    assert!(used * 10 >= allowed * 9, "{used} calls of {allowed} within {SPAN} times {per:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_5_three_nodes_keep_to_a_connections_limit_and_use_nine_tenths_of_it() {
    let (calls, per) = (40, Duration::from_secs(4));
    let limits = format!("requests = {calls}\nper_seconds = {}", per.as_secs());
    let (world, counted, connection, _) = connected("nodes-connection", &limits).await;
    crowd(&world, &connection, 8, per * u32::from(RUN)).await;
    is_kept_and_used(&counted, calls, per);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_5_three_nodes_keep_to_an_integrations_limit_of_a_few_calls_and_use_nine_tenths_of_it() {
    let (calls, per) = (5, Duration::from_secs(3));
    let limits = format!("requests = 1000\nper_seconds = {}\nper_integration = {calls}", per.as_secs());
    let (world, counted, connection, _) = connected("nodes-integration", &limits).await;
    crowd(&world, &connection, 4, per * u32::from(RUN)).await;
    is_kept_and_used(&counted, calls, per);
    world.end().await;
}

/// A plugin whose runs never end: each page is one call, and says that there is more.
fn endless() -> Vec<u8> {
    let more = r#"(data (i32.const 3100) "GET/things") (global $n (mut i32) (i32.const 0))"#;
    // The cursor is one character, another in each page.
    let body = "
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (global.set $heap (i32.const 65536))
        (call $fetch (i32.const 3100) (i32.const 3) (i32.const 3103) (i32.const 7) (i32.const 0) (i32.const 0)
          (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8192))
        (i32.store8 (i32.const 3200) (i32.add (i32.const 33) (i32.rem_u (global.get $n) (i32.const 90))))
        (i32.store8 (i32.const 1044) (i32.const 1))
        (i32.store (i32.const 1048) (i32.const 3200)) (i32.store (i32.const 1052) (i32.const 1))
        (i32.store8 (i32.const 1056) (i32.const 1))";
    guest::component(more, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_5_three_workers_keep_to_a_providers_limit_and_use_nine_tenths_of_it() {
    let (calls, per) = (40, Duration::from_secs(4));
    let (manifest, usual) = (guest::manifest(), "requests = 200\nper_seconds = 1\nper_integration = 1000\n");
    assert!(manifest.contains(usual), "the demo provider has another limit by now");
    let limits = format!("requests = 1000\nper_seconds = {}\nper_integration = {calls}\n", per.as_secs());
    let plugins = guest::folder("nodes-workers", &manifest.replace(usual, &limits), Some(&endless()));
    let (world, counted, _, integration) = connected_with(plugins).await;
    // Two streams each: eight runs, which no two of the workers have places for.
    for merchant in ["merchant-18", "merchant-19", "merchant-20"] {
        world.connect_acme(&integration, merchant, "shop_north").await;
    }
    let workers: Vec<Child> = (0..3)
        .map(|_| {
            let mut worker = server_process(&world, "worker");
            worker.env("PATCHBAY_WORKER__CONCURRENCY", "3");
            worker.env("PATCHBAY_WORKER__TENANT_SHARE", "100").env("PATCHBAY_WORKER__PARTY_SHARE", "100");
            spawn(worker, Stdio::null()).unwrap()
        })
        .collect();
    let at_work = "SELECT count(DISTINCT worker) FROM jobs WHERE queue = 'sync_run' AND state = 'running'";
    until("each worker has runs to do", PATIENCE, async || (world.one(at_work).await == "3").then_some(())).await;
    tokio::time::sleep(per * u32::from(RUN)).await;
    drop(workers);
    is_kept_and_used(&counted, calls, per);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_5_what_a_provider_asked_one_node_all_of_them_keep_to() {
    let (world, counted, connection, _) = connected("nodes-asked", "requests = 1000\nper_seconds = 1").await;
    let (_node, origin) = start_node_of(&world, "");
    let (one, other) = (world.key(), TenantKey::at(&origin, &world.tenant().secret));
    for key in [&one, &other] {
        assert_eq!(call(key, &connection).await.status, 200);
    }
    counted.refuse(1, "429 Too Many Requests\r\nretry-after: 120");
    assert_eq!(call(&one, &connection).await.status, 429, "the provider's own");
    until("the other node has heard of it", PATIENCE, async || {
        let before = counted.arrivals().len();
        let answer = call(&other, &connection).await;
        (answer.status == 429 && counted.arrivals().len() == before).then_some(())
    })
    .await;
    let answer = call(&other, &connection).await;
    assert!(answer.problem(429, "rate_limited").detail.contains("rate limit"), "{answer}");
    assert!(answer.retry_after().is_some_and(|wait| wait > 100), "{answer}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_5_a_provider_that_one_node_finds_failing_is_left_alone_by_all() {
    let (world, counted, connection, _) = connected("nodes-failing", "requests = 1000\nper_seconds = 1").await;
    let (_node, origin) = start_node_of(&world, "");
    let (one, other) = (world.key(), TenantKey::at(&origin, &world.tenant().secret));
    assert_eq!(call(&other, &connection).await.status, 200);
    counted.refuse(1_000, "500 Internal Server Error");
    until("the provider is left alone", PATIENCE, async || {
        let before = counted.arrivals().len();
        let answer = call(&one, &connection).await;
        (answer.status == 502 && counted.arrivals().len() == before).then_some(())
    })
    .await;
    assert!(counted.arrivals().len() <= 12, "after {} calls", counted.arrivals().len());
    until("the other node has heard of it", PATIENCE, async || {
        let before = counted.arrivals().len();
        let answer = call(&other, &connection).await;
        (answer.status == 502 && counted.arrivals().len() == before).then_some(())
    })
    .await;
    let shown = one.get(&format!("/v1/connections/{connection}")).await.ok();
    assert_eq!(shown["health"]["state"], "active", "the grant stands: {shown}");
    assert!(shown["health"]["reason"].as_str().unwrap().contains("keeps failing"), "{shown}");

    // It is well again; probes find out, and both nodes go on.
    counted.refuse(0, "");
    for key in [&one, &other] {
        until("calls go through again", PATIENCE, async || (call(key, &connection).await.status == 200).then_some(()))
            .await;
    }
    until("it is shown as well", PATIENCE, async || {
        let shown = one.get(&format!("/v1/connections/{connection}")).await.ok();
        (shown["health"]["reason"] == "It works.").then_some(())
    })
    .await;
    world.end().await;
}
