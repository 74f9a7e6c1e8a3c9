//! The key service is sealed and unsealed again.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_3_sealed_keys_give_503_and_never_plaintext() {
    let bao = Bao::start().await;
    let (role_id, secret_id) = bao.role();
    let keys = KeysOf::Vault { address: bao.address().clone(), role_id: role_id.into(), secret_id: secret_id.into() };
    // No jobs: what they would retry in the meantime is not what this looks at.
    let world = World::start(Options { keys, worker: false, ..Options::default() }).await;
    world.use_acme(acme::Options { token_lifetime: 86_400, workers: 1, ..acme::Options::default() });
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    let path = format!("/v1/connections/{connection}/credential");
    let token = world.key().get(&path).await.ok()["access_token"].as_str().unwrap().to_owned();
    let newcomer = world.stranger("newcomer").await;

    bao.seal().await;
    // What needs a key that was never unwrapped fails at once, and nothing is stored in clear.
    let wish = json!({
        "provider": "acme", "client_id": "newcomer", "client_secret": "a-secret-that-nobody-can-seal",
        "variables": { "auth": world.acme().origin(), "api": world.acme().origin() },
    });
    let refused = newcomer.key().post("/v1/integrations", &wish).await;
    refused.problem(503, "key_service_unavailable");
    assert!(refused.retry_after().is_some_and(|seconds| seconds >= 1), "no Retry-After in {refused}");
    assert_eq!(world.one("SELECT count(*) FROM integrations WHERE client_id = 'newcomer'").await, "0");
    // What was unwrapped may be used for a bounded time, and not longer.
    world.clock().advance(TimeDelta::minutes(30));
    assert_eq!(world.key().get(&path).await.ok()["access_token"], token);
    world.clock().advance(TimeDelta::minutes(31));
    let refused = world.key().get(&path).await;
    refused.problem(503, "key_service_unavailable");
    assert!(refused.retry_after().is_some_and(|seconds| seconds >= 1), "no Retry-After in {refused}");
    assert!(!refused.text().contains(&token));
    let ready = world.anonymous().get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["key_service"]), (503, &"sealed".into()), "{ready}");
    let dump = world.database().dump().await;
    assert!(!dump.contains(&token) && !dump.contains("a-secret-that-nobody-can-seal"));

    bao.unseal().await;
    let served = until("credentials are served again", PATIENCE, async || {
        let answer = world.key().get(&path).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_eq!(served.ok()["access_token"], token);
    newcomer.key().post("/v1/integrations", &wish).await.ok();
    world.end().await;
}
