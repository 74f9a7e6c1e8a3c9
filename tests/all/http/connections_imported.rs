//! Connections that tenants bring along, one by one; what else is said of them is in `connections`.

use acme::Command;
use serde_json::{Value, json};

use super::connections::mint;
use crate::support::{Options, World};

#[tokio::test(flavor = "multi_thread")]
async fn import_connection_renews_tokens_that_have_ended() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    let key = world.key();
    let tokens = mint(&world, "shop_north");
    let bring = |tokens: Value| json!({ "integration": "acme", "end_user": { "id": "merchant-1" }, "tokens": tokens });
    let none = key.post("/v1/connections", &bring(json!({}))).await.problem(422, "invalid_fields");
    assert_eq!(none.fields[0].field, "tokens.access_token");
    let absent = json!({ "integration": "acme", "end_user": { "id": "merchant-1" } });
    assert_eq!(key.post("/v1/connections", &absent).await.problem(422, "invalid_fields").fields[0].field, "tokens");
    let forged = json!({ "access_token": "no such token" });
    key.post("/v1/connections", &bring(forged)).await.problem(422, "credential_refused");
    let ended = "2001-01-01T00:00:00Z";
    let forged = json!({ "access_token": "old", "refresh_token": "no such token", "expires_at": ended });
    key.post("/v1/connections", &bring(forged)).await.problem(422, "credential_refused");
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "0");
    let old = json!({ "access_token": tokens["access_token"], "refresh_token": tokens["refresh_token"], "expires_at": ended });
    let made = key.post("/v1/connections", &bring(old)).await;
    assert_eq!(made.status, 201, "{made}");
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let shown = key.get(&format!("/v1/connections/{id}/credential")).await.ok();
    assert_ne!(shown["access_token"], tokens["access_token"], "renewed on the way in");
    world.synced(&id).await;
    // A refresh token alone is enough.
    let alone = json!({ "refresh_token": mint(&world, "shop_south")["refresh_token"] });
    let second = key.post("/v1/connections", &bring(alone)).await.ok();
    assert_eq!(second["account"], "shop_south");
    world.synced(second["id"].as_str().unwrap()).await;
    world.end().await;
}

// What the operation is called: `import_connection`.
#[tokio::test(flavor = "multi_thread")]
async fn import_connection_is_carried_through_when_the_client_goes_away() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    let tokens = mint(&world, "shop_north");
    let slow = r#"{"do":"misbehave","path":"/token","skip":0,"times":1,"fault":{"kind":"slow","ms":1500}}"#;
    world.acme().control(serde_json::from_str(slow).unwrap()).unwrap();
    let wish = json!({ "integration": "acme", "end_user": { "id": "merchant-1" },
        "tokens": { "refresh_token": tokens["refresh_token"] } });
    let key = world.key();
    let asked = key.post("/v1/connections", &wish);
    // Gone while the provider still replaces the refresh token.
    assert!(tokio::time::timeout(std::time::Duration::from_millis(700), asked).await.is_err());
    let made = crate::support::until("the connection is there all the same", crate::support::PATIENCE, async || {
        let listed = key.get("/v1/connections").await.ok();
        listed["data"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    world.synced(&made).await;
    // With the token that replaced the first, it lives on.
    world.acme().control(Command::ExpireAccessTokens).unwrap();
    world.clock().advance(chrono::TimeDelta::hours(2));
    key.get(&format!("/v1/connections/{made}/credential")).await.ok();
    world.end().await;
}
