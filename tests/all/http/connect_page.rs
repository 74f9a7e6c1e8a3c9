//! The connect page's own calls, with a connect session's token.

use serde_json::json;

use crate::support::{Anonymous, Caller, Options, World};

async fn session(world: &World, body: serde_json::Value) -> (Caller, serde_json::Value) {
    if world.key().get("/v1/integrations/acme").await.status == 404 {
        world.acme_integration().await;
    }
    let made = world.key().post("/v1/connect/sessions", &body).await.ok();
    let token = format!("Bearer {}", made["token"].as_str().unwrap());
    (Caller::new(world.origin()).with_header("authorization", &token), made)
}

#[tokio::test(flavor = "multi_thread")]
async fn get_connect_page_shows_what_may_be_picked() {
    let world = World::start(Options::default()).await;
    let integration = world.acme_integration().await;
    let (page, made) =
        session(&world, json!({ "end_user": { "id": "m" }, "allowed_origins": ["https://app.example.com"] })).await;
    let shown = page.get("/connect/api/session").await.ok();
    assert_eq!((shown["id"].as_str(), shown["status"].as_str()), (made["id"].as_str(), Some("open")));
    assert_eq!(shown["tenant_name"], "Lamplight Commerce");
    assert_eq!(shown["choices"].as_array().unwrap().len(), 1);
    assert_eq!(shown["choices"][0]["integration_id"], integration["id"]);
    assert_eq!(shown["allowed_origins"], json!(["https://app.example.com"]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_connect_page_and_get_connect_progress_want_a_living_sessions_token() {
    let world = World::start(Options::default()).await;
    let (page, _) = session(&world, json!({ "end_user": { "id": "m" } })).await;
    for path in ["/connect/api/session", "/connect/api/progress"] {
        page.get(path).await.ok();
        Anonymous::at(world.origin()).get(path).await.problem(401, "unauthenticated");
        world.key().get(path).await.problem(401, "unauthenticated");
        world.operator().get(path).await.problem(401, "unauthenticated");
        let made_up = Caller::new(world.origin())
            .with_header("authorization", "Bearer cst_0000000000000000000000000000000000000000000");
        made_up.get(path).await.problem(401, "unauthenticated");
    }
    // A session's token opens nothing else.
    page.get("/v1/connections").await.problem(401, "unauthenticated");
    world.clock().advance(chrono::TimeDelta::minutes(31));
    for path in ["/connect/api/session", "/connect/api/progress"] {
        page.get(path).await.problem(410, "session_expired");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_connect_progress_begins_with_nothing() {
    let world = World::start(Options::default()).await;
    let (page, _) = session(&world, json!({ "end_user": { "id": "m" } })).await;
    let progress = page.get("/connect/api/progress").await.ok();
    assert_eq!(progress["status"], "open");
    assert!(progress["connection"].is_null() && progress["failure"].is_null(), "{progress}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_6_the_hosted_page_may_be_framed_by_the_sessions_origins_alone() {
    let world = World::start(Options::default()).await;
    let origins = json!(["https://app.example.com", "https://admin.example.com:8443"]);
    let (_, made) = session(&world, json!({ "end_user": { "id": "m" }, "allowed_origins": origins })).await;
    let (_, closed) = session(&world, json!({ "end_user": { "id": "m" } })).await;
    let ancestors = async |id: &serde_json::Value| {
        let page = world.anonymous().get(&format!("/connect/{}?embed=1", id.as_str().unwrap())).await;
        assert_eq!(page.status, 200, "{page}");
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"), "OA-4");
        assert_eq!(page.header("cache-control"), Some("no-store"), "OA-4");
        let policy = page.header("content-security-policy").unwrap().to_owned();
        policy.split("frame-ancestors ").nth(1).unwrap().split(';').next().unwrap().to_owned()
    };
    assert_eq!(ancestors(&made["id"]).await, "https://app.example.com https://admin.example.com:8443");
    assert_eq!(ancestors(&closed["id"]).await, "'none'");
    world.end().await;
}
