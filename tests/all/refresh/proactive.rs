//! Tokens are refreshed before anybody asks.

use chrono::TimeDelta;

use super::refreshes;
use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_6_tokens_are_refreshed_before_anybody_asks() {
    let world = World::start(Options::default()).await;
    let integration = world.acme_integration().await;
    let mut connections = Vec::new();
    for number in 0..3 {
        connections.push(world.connect_acme(&integration, &format!("merchant-{number}"), "shop_north").await);
    }
    for connection in &connections {
        world.synced(connection).await;
    }
    world.acme().control(acme::Command::Reset).unwrap();
    let generations = "SELECT string_agg(generation::text, ' ' ORDER BY connection_id) FROM credentials";
    assert_eq!(world.one(generations).await, "1 1 1");
    let due = "SELECT bool_and(refresh_at < expires_at - interval '1 minute') FROM credentials";
    assert_eq!(world.one(due).await, "t", "an hour's token, well before its end");
    // One cannot be used, and is left alone.
    world
        .sql("UPDATE connections SET health = 'paused' WHERE connection_id = (SELECT max(connection_id::text)::uuid FROM connections)")
        .await;
    world.clock().advance(TimeDelta::minutes(58));
    until("the others are refreshed", PATIENCE, async || (world.one(generations).await == "2 2 1").then_some(())).await;
    assert_eq!(refreshes(&world), 2);
    let still_due = "SELECT count(*) FROM credentials WHERE refresh_at <= now() + interval '58 minutes'";
    assert_eq!(world.one(still_due).await, "0", "nothing is left to be looked at again and again");
    world.end().await;
}
