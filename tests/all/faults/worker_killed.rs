//! A worker dies in the middle of a page.

use std::process::Stdio;

use acme::{Fault, Kind, Misbehaviour};
use chrono::TimeDelta;

use crate::support::*;

const ORDERS: u64 = 2_500;
const CUSTOMERS: u64 = 2_500;

/// A worker in a process of its own that has stored the first page of orders and asked for the second, which never comes.
pub async fn in_second_page(world: &World) -> Child {
    in_second_page_of(world, "orders").await
}

/// The same with any stream.
async fn in_second_page_of(world: &World, stream: &str) -> Child {
    let path = format!("/v1/{stream}");
    let call = format!("GET {path}");
    world.acme().misbehave(Misbehaviour { path, skip: 1, times: 1, fault: Fault::Hang });
    let mut worker = spawn(server_process(world, "worker"), Stdio::null()).unwrap();
    worker.wait_for_line("working", PATIENCE);
    let pages = format!("SELECT r.pages FROM runs r JOIN syncs s USING (sync_id) WHERE s.stream = '{stream}'");
    until("the worker is in the middle of the second page", PATIENCE, async || {
        let committed = world.sql(&pages).await == [[Some("1".to_owned())]];
        (committed && world.acme().calls()[&call] == 2).then_some(())
    })
    .await;
    worker
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ft_1_another_worker_goes_on_at_the_last_page() {
    let mut world = World::start(Options { worker: false, ..Options::default() }).await;
    world.use_acme(acme::Options { orders: ORDERS, workers: 1, ..acme::Options::default() });
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    let mut worker = in_second_page(&world).await;
    worker.kill();
    let stored =
        world.one("SELECT count(*) FROM records r JOIN syncs s USING (sync_id) WHERE s.stream = 'orders'").await;
    let first_page: u64 = stored.parse().unwrap();
    assert!(first_page > 0 && first_page < ORDERS, "{first_page} of {ORDERS} after one page");

    // Its leases end, and another one takes over.
    world.clock().advance(TimeDelta::seconds(60));
    world.start_jobs();
    let runs = world.synced(&connection).await;
    let run = runs.iter().find(|run| run["stream"] == "orders").unwrap();
    assert_eq!(run["state"], "succeeded", "{run}");
    assert_eq!(run["counts"]["added"], ORDERS, "{run}");
    assert_eq!((&run["counts"]["updated"], &run["counts"]["unchanged"]), (&0.into(), &0.into()), "{run}");
    let fence = world.one("SELECT max(fence) FROM runs r JOIN syncs s USING (sync_id) WHERE s.stream = 'orders'").await;
    assert_eq!(fence, "2", "the same run, taken up once");
    // One call more than there are pages: the one that was broken off.
    assert_eq!(world.acme().calls()["GET /v1/orders"], run["counts"]["pages"].as_u64().unwrap() + 1);
    let mut ids: Vec<_> =
        world.records(&connection, "orders").await.iter().map(|record| record["id"].clone()).collect();
    ids.sort_by_key(ToString::to_string);
    assert_eq!(ids, world.acme().ids("shop_north", Kind::Orders), "each once");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ft_1_a_full_run_that_another_worker_goes_on_with_takes_nothing_for_gone() {
    let mut world = World::start(Options { worker: false, ..Options::default() }).await;
    world.use_acme(acme::Options { customers: CUSTOMERS, workers: 1, ..acme::Options::default() });
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    let mut worker = in_second_page_of(&world, "customers").await;
    worker.kill();
    let of_customers = "FROM runs r JOIN syncs s USING (sync_id) WHERE s.stream = 'customers'";
    assert_eq!(world.one(&format!("SELECT is_full {of_customers}")).await, "t");

    // Nobody but the dead worker was told what the first page held, unless it was written down.
    world.clock().advance(TimeDelta::seconds(60));
    world.start_jobs();
    let runs = world.synced(&connection).await;
    let run = runs.iter().find(|run| run["stream"] == "customers").unwrap();
    assert_eq!(run["state"], "succeeded", "{run}");
    assert_eq!((&run["counts"]["added"], &run["counts"]["deleted"]), (&CUSTOMERS.into(), &0.into()), "{run}");
    assert_eq!(world.one(&format!("SELECT max(fence) {of_customers}")).await, "2", "the same run, taken up once");
    assert_eq!(world.acme().calls()["GET /v1/customers"], run["counts"]["pages"].as_u64().unwrap() + 1);
    let here = "SELECT count(*) FROM records r JOIN syncs s USING (sync_id) WHERE s.stream = 'customers' AND r.deleted_at IS NULL";
    assert_eq!(world.one(here).await, CUSTOMERS.to_string());
    assert_eq!(world.one("SELECT count(*) FROM run_seen").await, "0", "what it had seen is forgotten");
    world.end().await;
}
