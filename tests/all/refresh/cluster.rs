//! Many callers, three processes, a slow token endpoint.

use std::{collections::BTreeSet, time::Duration};

use acme::Fault;
use futures_util::future::join_all;

use super::{connected, next_token_request, refreshes, run_out};
use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oa_7_five_hundred_callers_of_three_processes_make_one_request() {
    let (world, connection) = connected().await;
    let nodes: Vec<(Child, String)> = (0..3).map(|_| start_node_of(&world, "")).collect();
    let path = format!("/v1/connections/{connection}/credential");
    let first = world.key().get(&path).await.ok()["access_token"].clone();
    world.acme().control(acme::Command::Reset).unwrap();
    run_out(&world).await;
    next_token_request(&world, Fault::Slow { ms: 30_000 });

    let keys: Vec<TenantKey> = nodes.iter().map(|(_, origin)| TenantKey::at(origin, &world.tenant().secret)).collect();
    let calls = (0..500).map(|number| {
        let (key, path) = (&keys[number % keys.len()], &path);
        async move { key.get(path).await.ok() }
    });
    let answers = tokio::time::timeout(Duration::from_secs(60), join_all(calls)).await.expect("all are answered");
    let tokens: BTreeSet<String> =
        answers.iter().map(|answer| answer["access_token"].as_str().unwrap().to_owned()).collect();
    assert_eq!(tokens.len(), 1, "all have the same token: {}", tokens.len());
    assert_ne!(first.as_str(), tokens.first().map(String::as_str), "the new one");
    assert_eq!(refreshes(&world), 1, "one request for 500 callers");
    assert_eq!(world.one("SELECT generation || refresh_state FROM credentials").await, "2idle");

    // The next generation likewise, with an answer that comes at once. The processes hear nothing of what the test does
    // behind their backs, and believe what they know for five seconds.
    run_out(&world).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let calls = keys.iter().cycle().take(30).map(|key| key.get(&path));
    let answers = join_all(calls).await;
    if let Some(failed) = answers.iter().find(|answer| answer.status != 200) {
        let row = world
            .sql("SELECT generation, fence, answered, refresh_state, lease_holder, lease_until, now() FROM credentials")
            .await;
        panic!("{failed}: {row:?} after {} requests", refreshes(&world));
    }
    let tokens: BTreeSet<String> = answers.iter().map(|answer| answer.json()["access_token"].to_string()).collect();
    assert_eq!((tokens.len(), refreshes(&world)), (1, 2));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_2_a_token_that_holds_is_handed_out_while_the_next_one_is_fetched() {
    let (world, connection) = connected().await;
    let path = format!("/v1/connections/{connection}/credential");
    let first = world.key().get(&path).await.ok()["access_token"].clone();
    world.acme().control(acme::Command::Reset).unwrap();
    world.sql("UPDATE credentials SET expires_at = now() + interval '30 s', updated_at = now() - interval '1 h'").await;
    world.forget_credentials();
    next_token_request(&world, Fault::Slow { ms: 8_000 });
    let began = std::time::Instant::now();
    for _ in 0..10 {
        assert_eq!(world.key().get(&path).await.ok()["access_token"], first);
    }
    assert!(began.elapsed() < Duration::from_secs(8), "nobody waited: {:?}", began.elapsed());
    until("the next one is there", PATIENCE, async || {
        (world.key().get(&path).await.ok()["access_token"] != first).then_some(())
    })
    .await;
    assert_eq!(refreshes(&world), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_3_who_lives_keeps_its_lease_whatever_the_clock_says() {
    let (world, connection) = connected().await;
    let (_node, origin) = start_node_of(&world, "");
    world.acme().control(acme::Command::Reset).unwrap();
    run_out(&world).await;
    next_token_request(&world, Fault::Slow { ms: 4_000 });
    let path = format!("/v1/connections/{connection}/credential");
    let (key, other) = (world.key(), TenantKey::at(&origin, &world.tenant().secret));
    let asking = tokio::spawn({
        let path = path.clone();
        async move { key.get(&path).await.ok() }
    });
    until("the provider is asked", PATIENCE, async || (refreshes(&world) == 1).then_some(())).await;
    // The database's clock leaps over the end of the lease.
    world.sql("UPDATE credentials SET lease_until = now() - interval '5 minutes'").await;
    let second = other.get(&path).await.ok();
    assert_eq!(second["access_token"], asking.await.unwrap()["access_token"]);
    assert_eq!(refreshes(&world), 1, "nobody took the lease");
    world.end().await;
}
