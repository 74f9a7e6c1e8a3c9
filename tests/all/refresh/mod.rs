//! The refresh of tokens against a provider whose refresh tokens are good for one request: once per generation in the
//! whole cluster, and no rotation is lost in silence. Every order of the steps is walked by the model in `domain`; here
//! real processes do it.

mod cluster;
mod killed;
mod proactive;
mod taxonomy;

use acme::Fault;

use crate::support::*;

/// A connection to Acme, in a world that runs no jobs.
async fn connected() -> (World, String) {
    let world = World::start(Options { worker: false, ..Options::default() }).await;
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    (world, connection)
}

/// Makes the token one that has run out.
async fn run_out(world: &World) {
    world.sql("UPDATE credentials SET expires_at = now() - interval '1 s', updated_at = now() - interval '1 h'").await;
    world.forget_credentials();
}

/// How often the token endpoint was asked since the connect.
fn refreshes(world: &World) -> u64 {
    world.acme().calls().get("POST /token").copied().unwrap_or_default()
}

fn next_token_request(world: &World, fault: Fault) {
    world.acme().misbehave(acme::Misbehaviour { path: "/token".into(), skip: 0, times: 1, fault });
}
