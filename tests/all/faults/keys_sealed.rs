//! The key service is sealed and unsealed again.

use chrono::TimeDelta;
use serde_json::json;

use super::guarded::Guarded;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_3_sealed_keys_give_503_and_never_plaintext() {
    let guarded = Guarded::start().await;
    let (world, token) = (&guarded.world, &guarded.token);
    let newcomer = world.stranger("newcomer").await;

    guarded.bao.seal().await;
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
    assert_eq!(guarded.credential().await.ok()["access_token"], *token);
    world.clock().advance(TimeDelta::minutes(31));
    let refused = guarded.credential().await;
    refused.problem(503, "key_service_unavailable");
    assert!(refused.retry_after().is_some_and(|seconds| seconds >= 1), "no Retry-After in {refused}");
    assert!(!refused.text().contains(token));
    let ready = world.anonymous().get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["key_service"]), (503, &"sealed".into()), "{ready}");
    let dump = world.database().dump().await;
    assert!(!dump.contains(token) && !dump.contains("a-secret-that-nobody-can-seal"));

    guarded.bao.unseal().await;
    guarded.is_served_again().await;
    newcomer.key().post("/v1/integrations", &wish).await.ok();
    guarded.world.end().await;
}
