//! Postgres is cut off and comes back.

use acme::{Fault, Kind, Misbehaviour};

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ft_2_requests_are_refused_with_503_and_served_again_afterwards() {
    let (world, wire) = behind_a_wire().await;
    let key = world.key();
    key.get("/v1/integrations").await.ok();
    wire.cut();
    for path in ["/v1/integrations", "/v1/connections", "/v1/api-keys"] {
        let answer = key.get(path).await;
        answer.problem(503, "database_unavailable");
        assert!(answer.retry_after().is_some_and(|seconds| seconds >= 1), "no Retry-After in {answer}");
    }
    assert_eq!(world.anonymous().get("/healthz").await.status, 200, "the process is alive");
    let ready = world.anonymous().get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["key_service"]), (503, &"ok".into()), "{ready}");
    wire.pass();
    until("requests are served again", PATIENCE, async || {
        (key.get("/v1/integrations").await.status == 200).then_some(())
    })
    .await;
    until("the server is ready again", PATIENCE, async || {
        (world.anonymous().get("/readyz").await.status == 200).then_some(())
    })
    .await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ft_2_a_sync_goes_on_after_the_cut() {
    let (world, wire) = behind_a_wire().await;
    let integration = world.acme_integration().await;
    // The page is on its way when the wire is cut, so it arrives where nothing can be stored.
    let slow = Misbehaviour { path: "/v1/orders".into(), skip: 0, times: 1, fault: Fault::Slow { ms: 1_500 } };
    world.acme().misbehave(slow);
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    until("the orders are asked for", PATIENCE, async || {
        world.acme().calls().get("GET /v1/orders").copied().filter(|calls| *calls > 0)
    })
    .await;
    wire.cut();
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    wire.pass();
    until("the API answers again", PATIENCE, async || (world.key().get("/v1/syncs").await.status == 200).then_some(()))
        .await;
    // The clock goes on to where leases that could not be kept have ended.
    world.clock().advance(chrono::TimeDelta::seconds(60));
    let runs = world.synced(&connection).await;
    for run in &runs {
        assert_eq!(run["state"], "succeeded", "{run}");
    }
    let mut ids: Vec<_> =
        world.records(&connection, "orders").await.iter().map(|record| record["id"].clone()).collect();
    ids.sort_by_key(ToString::to_string);
    assert_eq!(ids, world.acme().ids("shop_north", Kind::Orders), "each once");
    world.end().await;
}

/// A world whose Postgres is behind a wire that can be cut. The tests themselves look at it past the wire.
async fn behind_a_wire() -> (World, TcpProxy) {
    let probe = Database::empty().await;
    let wire = TcpProxy::to(probe.address()).await;
    let world = World::start(Options {
        database_at: Some(wire.address()),
        configure: |config| config.database.wait_ms = 500,
        ..Options::default()
    })
    .await;
    (world, wire)
}
