//! `/v1/revocations`: what became of grants.

use serde_json::json;

use super::connected::Connected;

#[tokio::test(flavor = "multi_thread")]
async fn list_revocations_stays_when_the_connection_is_gone() {
    let Connected { world, connection, .. } = Connected::set().await;
    let key = world.key();
    assert_eq!(key.get("/v1/revocations").await.ok()["data"], json!([]));
    key.delete(&format!("/v1/connections/{connection}")).await.ok();
    crate::support::until("the connection is gone", crate::support::PATIENCE, async || {
        (key.get(&format!("/v1/connections/{connection}")).await.status == 404).then_some(())
    })
    .await;
    let listed = key.get(&format!("/v1/revocations?connection={connection}&state=revoked")).await.ok();
    let one = &listed["data"][0];
    assert_eq!((&one["connection_id"], &one["state"]), (&json!(connection), &json!("revoked")), "{listed}");
    assert_eq!((&one["provider"], &one["end_user_id"]), (&json!("acme"), &json!("merchant-1")));
    assert!(one["finished_at"].is_string() && !one["reason"].as_str().unwrap().is_empty());
    assert_eq!(key.get("/v1/revocations?state=failed").await.ok()["data"], json!([]));
    let told = "SELECT data->'revocation'->>'state' FROM events WHERE kind = 'connection.deleted'";
    assert_eq!(world.one(told).await, "revoked");
    let audited = "SELECT detail->'revocation'->>'state' FROM audit WHERE action = 'connection.deleted'";
    assert_eq!(world.one(audited).await, "revoked");
    world.end().await;
}
