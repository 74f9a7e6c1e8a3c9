//! `/v1/connect/sessions`: grants to make or repair a connection, as the tenant's backend sees them.

use serde_json::{Value, json};

use crate::support::{Caller, Options, World};

#[tokio::test(flavor = "multi_thread")]
async fn create_connect_session_gives_a_token_and_a_link_for_half_an_hour() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    let before = domain::clock::Clock::now(world.clock());
    let made =
        world.key().post("/v1/connect/sessions", &json!({ "end_user": { "id": "merchant-1", "name": "Ada" } })).await;
    assert_eq!(made.status, 201, "{made}");
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.json();
    let token = made["token"].as_str().unwrap();
    let link = made["link"].as_str().unwrap();
    assert!(token.starts_with("cst_"), "{made}");
    assert_eq!(link, format!("{}/connect/{}#{token}", world.origin(), made["id"].as_str().unwrap()));
    let expires: chrono::DateTime<chrono::Utc> = made["expires_at"].as_str().unwrap().parse().unwrap();
    let minutes = (expires - before).num_minutes();
    assert!((29..=31).contains(&minutes), "{minutes} minutes");
    assert!(!world.database().dump().await.contains(token), "only its hash is stored");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn create_connect_session_names_every_field_that_is_wrong() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    let user = json!({ "id": "merchant-1" });
    let wrong: Vec<(&str, Value)> = vec![
        ("end_user", json!({ "end_user": { "id": "" } })),
        ("end_user", json!({ "end_user": { "id": "x".repeat(2000) } })),
        ("integrations", json!({ "end_user": user, "integrations": ["nothing"] })),
        ("integrations", json!({ "end_user": user, "integrations": ["int_00000000000000000000000000"] })),
        ("connection_id", json!({ "end_user": user, "connection_id": "conn_00000000000000000000000000" })),
        ("install", json!({ "end_user": user, "install": "inst_00000000000000000000000000" })),
        ("allowed_origins", json!({ "end_user": user, "allowed_origins": ["https://app.example.com/path"] })),
        ("allowed_origins", json!({ "end_user": user, "allowed_origins": ["*"] })),
        ("allowed_origins", json!({ "end_user": user, "allowed_origins": ["null"] })),
        ("allowed_origins", json!({ "end_user": user, "allowed_origins": ["https://*.example.com"] })),
        (
            "return_url",
            json!({ "end_user": user, "allowed_origins": ["https://app.example.com"], "return_url": "https://evil.example/back" }),
        ),
        (
            "return_url",
            json!({ "end_user": user, "allowed_origins": ["https://app.example.com"], "return_url": "javascript:alert(1)" }),
        ),
        ("return_url", json!({ "end_user": user, "return_url": "https://app.example.com/back" })),
        ("language", json!({ "end_user": user, "language": "not a language tag" })),
    ];
    for (field, body) in wrong {
        let answer = world.key().post("/v1/connect/sessions", &body).await;
        let problem = answer.problem(422, "invalid_fields");
        assert!(problem.fields.iter().any(|one| one.field.starts_with(field)), "{field}: {answer}");
    }
    assert_eq!(world.one("SELECT count(*) FROM connect_sessions").await, "0");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_connect_session_tells_where_it_stands() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    let made = world
        .key()
        .post("/v1/connect/sessions", &json!({ "end_user": { "id": "merchant-1", "name": "Ada" } }))
        .await
        .ok();
    let path = format!("/v1/connect/sessions/{}", made["id"].as_str().unwrap());
    let session = world.key().get(&path).await;
    assert!(!session.text().contains("cst_"), "the token is shown once: {session}");
    let session = session.ok();
    assert_eq!((session["status"].as_str(), &session["connection_id"]), (Some("open"), &Value::Null));
    assert_eq!(session["end_user"], json!({ "id": "merchant-1", "name": "Ada" }));
    world.clock().advance(chrono::TimeDelta::minutes(31));
    assert_eq!(world.key().get(&path).await.ok()["status"], "expired");
    world.key().get("/v1/connect/sessions/cs_00000000000000000000000000").await.problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revoke_connect_session_ends_its_page() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    let made = world.key().post("/v1/connect/sessions", &json!({ "end_user": { "id": "merchant-1" } })).await.ok();
    let token = format!("Bearer {}", made["token"].as_str().unwrap());
    let page = Caller::new(world.origin()).with_header("authorization", &token);
    page.get("/connect/api/session").await.ok();
    let path = format!("/v1/connect/sessions/{}", made["id"].as_str().unwrap());
    assert_eq!(world.key().delete(&path).await.status, 204);
    page.get("/connect/api/session").await.problem(410, "session_expired");
    assert_eq!(world.key().get(&path).await.ok()["status"], "revoked");
    assert_eq!(world.key().delete(&path).await.status, 204, "twice is as good as once");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn create_connect_session_may_ask_for_other_scopes_than_the_integration() {
    let world = World::start(Options::default()).await;
    let integration = world.acme_integration().await;
    let key = world.key();
    let wish = |scopes: Value| json!({ "end_user": { "id": "merchant-1" }, "scopes": scopes });
    let odd = key.post("/v1/connect/sessions", &wish(json!(["two words"]))).await.problem(422, "invalid_fields");
    assert!(odd.fields[0].field.starts_with("scopes"), "{odd:?}");
    let made = key.post("/v1/connect/sessions", &wish(json!(["profile", "orders:read"]))).await.ok();
    let token = made["token"].as_str().unwrap();
    let browser = crate::support::ConnectBrowser::at(world.origin(), token);
    let launched = browser.launch(world.origin(), token, integration["id"].as_str().unwrap(), "redirect").await;
    let authorization = crate::support::leads_to(&launched, world.acme().origin());
    let asked = authorization.query_pairs().find(|(name, _)| name == "scope").unwrap().1.into_owned();
    assert_eq!(asked, "profile orders:read");
    let callback = crate::support::Consent::default().at_acme(&authorization, "shop_north", "allow").await;
    assert!(browser.get(callback.as_str()).await.status < 400);
    let scopes =
        "SELECT array_to_string(scopes_asked, ' ') || ', ' || array_to_string(scopes_granted, ' ') FROM credentials";
    let stored = crate::support::until("there is a credential", crate::support::PATIENCE, async || {
        world.sql(scopes).await.into_iter().next()
    })
    .await;
    assert_eq!(stored[0].as_deref(), Some("profile orders:read, profile orders:read"));
    let path = format!("/v1/connect/sessions/{}", made["id"].as_str().unwrap());
    let connection = key.get(&path).await.ok()["connection_id"].as_str().unwrap().to_owned();
    let shown = key.get(&format!("/v1/connections/{connection}/credential")).await.ok();
    assert_eq!(shown["scopes"], json!(["profile", "orders:read"]));
    let kept = key.get("/v1/integrations/acme").await.ok();
    assert_eq!(kept["scopes"], integration["scopes"], "the integration's own stay");
    world.synced(&connection).await;
    // What was granted less is told apart from what was asked for.
    let mint = acme::Command::Mint { client_id: "lamplight".into(), account: "shop_south".into() };
    let tokens = world.acme().control(mint).unwrap();
    let bring = json!({ "integration": "acme", "end_user": { "id": "merchant-2" },
        "tokens": { "access_token": tokens["access_token"], "scopes": ["profile"] } });
    let brought = key.post("/v1/connections", &bring).await.ok();
    let shown = key.get(&format!("/v1/connections/{}/credential", brought["id"].as_str().unwrap())).await.ok();
    assert_eq!(shown["scopes"], json!(["profile"]));
    let asked = "SELECT count(*) FROM credentials WHERE scopes_asked IS DISTINCT FROM scopes_granted";
    assert_eq!(world.one(asked).await, "1");
    world.synced(brought["id"].as_str().unwrap()).await;
    world.end().await;
}
