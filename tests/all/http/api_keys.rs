//! `/v1/api-keys`: made, listed, revoked.

use serde_json::json;

use crate::support::{Options, TenantKey, World};

#[tokio::test(flavor = "multi_thread")]
async fn create_api_key_shows_the_secret_once_and_stores_its_hash() {
    let world = World::start(Options::default()).await;
    let wish =
        json!({ "name": "reader", "scopes": ["keys:read", "records:read"], "expires_at": "2999-01-01T00:00:00Z" });
    let made = world.key().post("/v1/api-keys", &wish).await;
    assert_eq!(made.status, 201, "{made}");
    assert_eq!(made.header("cache-control"), Some("no-store"), "{made}");
    let made = made.json();
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("pbk_") && secret.len() == 50, "a prefix and a checksum, for secret scanners");
    assert!(secret.starts_with(made["key"]["hint"].as_str().unwrap()));
    let key = TenantKey::at(world.origin(), secret);
    let listed = key.get("/v1/api-keys").await;
    assert!(!listed.text().contains(secret), "it is never shown again");
    assert_eq!(listed.ok()["data"].as_array().unwrap().len(), 2);
    assert!(!world.database().dump().await.contains(secret), "only its hash is stored");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn create_api_key_gives_away_no_more_than_its_maker_has() {
    let world = World::start(Options::default()).await;
    let maker = world.key_with(&["keys:write", "records:read"]).await;
    let made = maker.post("/v1/api-keys", &json!({ "name": "less", "scopes": ["records:read"] })).await;
    assert_eq!(made.status, 201, "{made}");
    for scopes in [json!(["*"]), json!(["records:read", "proxy"]), json!(["keys:read"])] {
        let answer = maker.post("/v1/api-keys", &json!({ "name": "more", "scopes": scopes })).await;
        answer.problem(403, "missing_scope");
    }
    for (field, wrong) in [
        ("scopes", json!({ "name": "x", "scopes": [] })),
        ("scopes", json!({ "name": "x", "scopes": ["records:reed"] })),
        ("name", json!({ "name": "", "scopes": ["records:read"] })),
        ("expires_at", json!({ "name": "x", "scopes": ["records:read"], "expires_at": "2001-01-01T00:00:00Z" })),
    ] {
        let answer = maker.post("/v1/api-keys", &wrong).await;
        assert_eq!(answer.problem(422, "invalid_fields").fields[0].field, field, "{answer}");
    }
    assert_eq!(world.one("SELECT count(*) FROM api_keys").await, "3");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revoke_api_key_acts_at_once() {
    let world = World::start(Options::default()).await;
    let made = world.key().post("/v1/api-keys", &json!({ "name": "spare", "scopes": ["keys:read"] })).await.ok();
    let key = TenantKey::at(world.origin(), made["secret"].as_str().unwrap());
    let path = format!("/v1/api-keys/{}", made["key"]["id"].as_str().unwrap());
    // Used before, so that it is in memory.
    key.get("/v1/api-keys").await.ok();
    assert_eq!(world.key().delete(&path).await.status, 204);
    let began = std::time::Instant::now();
    crate::support::until("the revoked key is refused", crate::support::PATIENCE, async || {
        (key.get("/v1/api-keys").await.status == 401).then_some(())
    })
    .await;
    assert!(began.elapsed().as_secs() < 2, "it took {:?}; the other nodes hear of it too", began.elapsed());
    let listed = world.key().get("/v1/api-keys").await.ok();
    let row = listed["data"].as_array().unwrap().iter().find(|row| row["name"] == "spare").unwrap().clone();
    assert!(row["revoked_at"].is_string(), "it stays listed: {row}");
    world.key().delete("/v1/api-keys/key_00000000000000000000000000").await.problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn list_api_keys_goes_on_by_cursor_and_shows_this_environment_alone() {
    let world = World::start(Options::default()).await;
    for number in 0..5 {
        world.key().post("/v1/api-keys", &json!({ "name": format!("k{number}"), "scopes": ["proxy"] })).await.ok();
    }
    let stranger = world.stranger("neighbour").await;
    let names =
        super::edge::walk(&world.key(), "/v1/api-keys?limit=2", |key| key["name"].as_str().unwrap().to_owned()).await;
    assert_eq!(names.len(), 6, "{names:?}");
    let theirs =
        super::edge::walk(&stranger.key(), "/v1/api-keys?limit=2", |key| key["name"].as_str().unwrap().to_owned())
            .await;
    assert_eq!(theirs, ["backend"]);
    world.end().await;
}
