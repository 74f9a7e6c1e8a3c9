//! A process dies in the middle of a refresh, at each of its steps; another one finds what it left.

use acme::Fault;
use http::Method;

use super::{connected, next_token_request, refreshes, run_out};
use crate::support::*;

/// What another process finds after one died at a point.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// A token that works.
    Works,
    /// A connection that says that its rotation was lost.
    Lost,
}

async fn after_death_at(point: &str) -> Found {
    let (world, connection) = connected().await;
    world.acme().control(acme::Command::Reset).unwrap();
    let (mut dying, origin) = start_node_of(&world, point);
    run_out(&world).await;
    let path = format!("/v1/connections/{connection}/credential");
    let broken = TenantKey::at(&origin, &world.tenant().secret).request(Method::GET, &path).try_send().await;
    assert!(broken.is_err(), "the process dies at {point} and answers nobody: {broken:?}");
    dying.kill();
    found(&world, &connection).await
}

/// Time passes until the lease is over, and the next one who asks is answered.
async fn found(world: &World, connection: &str) -> Found {
    world.sql("UPDATE credentials SET lease_until = now() - interval '1 s' WHERE refresh_state = 'under_way'").await;
    world.forget_credentials();
    let path = format!("/v1/connections/{connection}");
    let answer = world.key().get(&format!("{path}/credential")).await;
    let events = "SELECT count(*) FROM events WHERE kind = 'connection.needs_reauth'";
    if answer.status == 200 {
        let key = world.key();
        let called = key.request(Method::GET, "/v1/proxy/me").header("patchbay-connection", connection);
        assert_eq!(called.send().await.status, 200, "the token works");
        assert_eq!(world.one(events).await, "0");
        return Found::Works;
    }
    let problem = answer.problem(409, "needs_reauth");
    assert!(problem.detail.contains("lost_rotation"), "{answer}");
    let shown = world.key().get(&path).await.ok();
    assert_eq!(
        (&shown["health"]["state"], &shown["health"]["cause"]),
        (&"needs_reauth".into(), &"lost_rotation".into()),
        "{shown}"
    );
    assert_eq!(world.one(events).await, "1", "and it is told");
    Found::Lost
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oa_7_killed_before_the_provider_was_asked() {
    for point in ["refresh.claim", "refresh.claimed"] {
        assert_eq!(after_death_at(point).await, Found::Works, "{point}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oa_7_killed_with_the_answer_in_hand() {
    for point in ["refresh.answered", "refresh.sealed", "refresh.commit"] {
        assert_eq!(after_death_at(point).await, Found::Lost, "{point}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oa_7_killed_after_the_commit() {
    assert_eq!(after_death_at("refresh.committed").await, Found::Works);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oa_7_killed_while_the_provider_answers() {
    let (world, connection) = connected().await;
    world.acme().control(acme::Command::Reset).unwrap();
    let (mut dying, origin) = start_node_of(&world, "");
    run_out(&world).await;
    // Does what it is asked, and nobody hears of it.
    next_token_request(&world, Fault::Hang);
    let key = TenantKey::at(&origin, &world.tenant().secret);
    let path = format!("/v1/connections/{connection}/credential");
    let asking = tokio::spawn(async move { key.request(Method::GET, &path).try_send().await });
    until("the provider is asked", PATIENCE, async || (refreshes(&world) == 1).then_some(())).await;
    dying.kill();
    assert!(asking.await.unwrap().is_err());
    // It hung before it did anything, so the token still counts.
    assert_eq!(found(&world, &connection).await, Found::Works);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oa_7_an_answer_that_is_lost_is_called_so() {
    let (world, connection) = connected().await;
    world.acme().control(acme::Command::Reset).unwrap();
    run_out(&world).await;
    next_token_request(&world, Fault::LoseAnswer);
    let path = format!("/v1/connections/{connection}/credential");
    let answer = world.key().get(&path).await;
    assert_eq!(answer.problem(502, "provider_unreachable").status, 502);
    assert_eq!(world.one("SELECT refresh_state FROM credentials").await, "in_doubt");
    world.sql("UPDATE credentials SET refresh_not_before = NULL").await;
    assert_eq!(found(&world, &connection).await, Found::Lost);
    world.end().await;
}
