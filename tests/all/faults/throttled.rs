//! A provider asks to be left alone for a while.

use std::time::{Duration, Instant};

use acme::{Fault, Misbehaviour};

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_5_retry_after_is_honoured() {
    let world = World::start(Options::default()).await;
    let integration = world.acme_integration().await;
    let fault = Fault::Status { status: 429, retry_after: Some("3".into()), body: None };
    world.acme().misbehave(Misbehaviour { path: "/v1/orders".into(), skip: 0, times: 1, fault });
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    let seen = async |calls| {
        until("the orders are asked for", PATIENCE, async || {
            let so_far = world.acme().calls().get("GET /v1/orders").copied().unwrap_or(0);
            (so_far >= calls).then(Instant::now)
        })
        .await
    };
    let first = seen(1).await;
    let second = seen(2).await;
    // Both moments are seen a little late; a call before its time would be seen much earlier.
    let waited = second - first;
    assert!(waited > Duration::from_millis(2_700), "asked again after {waited:?}, told to wait 3 s");
    let runs = world.synced(&connection).await;
    let run = runs.iter().find(|run| run["stream"] == "orders").unwrap();
    assert_eq!((&run["state"], &run["counts"]["added"]), (&"succeeded".into(), &250.into()), "{run}");
    world.end().await;
}
