//! A provider's limit, with three nodes that know it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use http::Method;

use super::counted::{Counted, connected, most_within};
use crate::support::*;

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

fn used(counted: &Counted, calls: usize, per: Duration, windows: u32) -> (usize, f64) {
    let arrivals = counted.arrivals();
    let end = arrivals[0] + per * windows;
    let within = arrivals.iter().filter(|at| **at < end).count();
    let share = f64::from(u32::try_from(within).unwrap()) / f64::from(u32::try_from(calls).unwrap() * windows);
    (most_within(&arrivals, per), share)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_5_three_nodes_keep_to_a_connections_limit_and_use_nine_tenths_of_it() {
    const CALLS: usize = 40;
    const PER: Duration = Duration::from_secs(4);
    let limits = format!("requests = {CALLS}\nper_seconds = {}", PER.as_secs());
    let (world, counted, connection, _) = connected("nodes-connection", &limits).await;
    crowd(&world, &connection, 8, PER * 6).await;
    let (most, share) = used(&counted, CALLS, PER, 5);
    assert!(most <= CALLS, "{most} calls within {PER:?}, allowed are {CALLS}");
    assert!(share >= 0.9, "{share:.3} of the limit was used");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_5_three_nodes_keep_to_an_integrations_limit_of_a_few_calls() {
    const CALLS: usize = 5;
    const PER: Duration = Duration::from_secs(3);
    let limits = format!("requests = 1000\nper_seconds = {}\nper_integration = {CALLS}", PER.as_secs());
    let (world, counted, connection, _) = connected("nodes-integration", &limits).await;
    crowd(&world, &connection, 4, PER * 6).await;
    let (most, share) = used(&counted, CALLS, PER, 5);
    assert!(most <= CALLS, "{most} calls within {PER:?}, allowed are {CALLS}");
    assert!(share >= 0.9, "{share:.3} of the limit was used");
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
