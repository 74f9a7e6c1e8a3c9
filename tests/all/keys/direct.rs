//! `direct` mode: every value is sealed and opened by the key service.

use flows::keys;
use serde_json::json;

use super::desk::{Desk, under_old_keys};
use crate::support::*;

/// How many credentials are sealed by the key service itself.
const DIRECT: &str = "SELECT count(*) FROM credentials WHERE get_byte(sealed, 0) = 2";

async fn vault(bao: &Bao) -> KeysOf {
    let (role_id, secret_id) = bao.role();
    KeysOf::Vault { address: bao.address().clone(), role_id: role_id.into(), secret_id: secret_id.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_2_values_are_sealed_by_the_key_service_and_nothing_is_bridged() {
    let bao = Bao::start().await;
    let configure = |config: &mut patchbay::config::Config| config.keys.sealing = patchbay::config::SealingMode::Direct;
    let world = World::start(Options { keys: vault(&bao).await, configure, worker: false, ..Options::default() }).await;
    world.use_acme(acme::Options { token_lifetime: 86_400, workers: 1, ..acme::Options::default() });
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    let path = format!("/v1/connections/{connection}/credential");
    let token = world.key().get(&path).await.ok()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.one(DIRECT).await, "1");
    assert_eq!(world.one("SELECT wrapped FROM data_keys").await, "direct:v1");
    assert!(
        world
            .one("SELECT convert_from(substring(sealed from 18), 'UTF8') FROM credentials")
            .await
            .starts_with("vault:v1:")
    );

    bao.seal().await;
    let refused = world.key().get(&path).await;
    refused.problem(503, "key_service_unavailable");
    assert!(!refused.text().contains(&token));
    let wish = json!({ "url": "https://hooks.example/in", "events": ["connection.deleted"] });
    world.key().post("/v1/endpoints", &wish).await.problem(503, "key_service_unavailable");
    assert_eq!(world.one("SELECT count(*) FROM endpoints").await, "0");
    bao.unseal().await;
    let served = until("credentials are served again", PATIENCE, async || {
        Some(world.key().get(&path).await).filter(|answer| answer.status == 200)
    });
    assert_eq!(served.await.ok()["access_token"], token);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_2_everything_moves_to_the_other_mode_and_back() {
    let world = World::start(Options { keys: KeysOf::SharedVault, worker: false, ..Options::default() }).await;
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    let desk = Desk::at(&world).await;
    let copies = desk.copies_of(&world, &connection, 20).await;
    let total = world.one("SELECT count(*) FROM credentials").await;
    let mut config = world.config().clone();
    for (mode, direct) in
        [(patchbay::config::SealingMode::Direct, total.as_str()), (patchbay::config::SealingMode::Envelope, "0")]
    {
        config.keys.sealing = mode;
        let node = patchbay::boot::platform(&config).await.unwrap();
        let ctx = node.services.ctx(desk.scope, flows::Actor::Operator);
        // As a job of a server with that setting does it.
        keys::start_rewrap(ctx).await.unwrap().unwrap();
        while keys::work_rewrap(ctx).await.unwrap() != keys::Worked::Ended {}
        let run = keys::rewrap_progress(ctx).await.unwrap().unwrap();
        assert_eq!((run.state.as_str(), run.failed), ("done", 0), "{run:?}");
        assert_eq!(world.one(DIRECT).await, direct);
        assert_eq!(under_old_keys(&world).await, 0);
        // Whatever mode a server is in, it opens both.
        desk.assert_all_open(&world, &copies).await;
    }
    // In direct mode a rotation is followed as well: the values themselves are of the new version.
    config.keys.sealing = patchbay::config::SealingMode::Direct;
    let node = patchbay::boot::platform(&config).await.unwrap();
    let ctx = node.services.ctx(desk.scope, flows::Actor::Operator);
    for _ in 0..2 {
        keys::start_rewrap(ctx).await.unwrap().unwrap();
        while keys::work_rewrap(ctx).await.unwrap() != keys::Worked::Ended {}
        desk.rotate().await;
    }
    keys::start_rewrap(ctx).await.unwrap().unwrap();
    while keys::work_rewrap(ctx).await.unwrap() != keys::Worked::Ended {}
    let versions =
        "SELECT DISTINCT split_part(convert_from(substring(sealed from 18), 'UTF8'), ':', 2) FROM credentials";
    assert_eq!(world.one(versions).await, "v3");
    desk.assert_all_open(&world, &copies).await;
}
