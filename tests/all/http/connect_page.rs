//! The connect page's own calls, with a connect session's token.

use acme::Command;
use http::Method;
use serde_json::json;

use crate::support::{Anonymous, Caller, Oidc, Options, World};

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

/// A provider with keys, which Acme's tokens stand for here; and a key that it takes.
async fn keyed(world: &World) -> (serde_json::Value, String) {
    world.acme_integration().await;
    let origin = world.acme().origin();
    let manifest = format!(
        "schema = 1\nslug = \"keyed\"\nname = \"Keyed\"\ncategory = \"commerce\"\ndocs = \"https://docs.example\"\n\
         [variables.api_key]\ntype = \"secret\"\nlabel = \"API key\"\n[auth]\nmode = \"key\"\n\
         [api]\nbase_url = \"{origin}\"\ncredential = {{ headers = {{ Authorization = \"Bearer {{api_key}}\" }} }}\n\
         [identity]\nurl = \"/me\"\naccount = \"sub\"\nname = \"name\"\n"
    );
    let key = world.key();
    key.request(Method::PUT, "/v1/providers/keyed").json(&json!({ "manifest": manifest })).send().await.ok();
    let integration = world.key().post("/v1/integrations", &json!({ "provider": "keyed" })).await.ok();
    let mint = Command::Mint { client_id: "lamplight".into(), account: "shop_north".into() };
    let key = world.acme().control(mint).unwrap()["access_token"].as_str().unwrap().to_owned();
    (integration, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn enter_credential_tries_what_was_typed_in_and_makes_the_connection() {
    let world = World::start(Options::default()).await;
    let (integration, key) = keyed(&world).await;
    let (page, made) = session(&world, json!({ "end_user": { "id": "m" }, "integrations": ["keyed"] })).await;
    let choice = &page.get("/connect/api/session").await.ok()["choices"][0];
    assert_eq!((&choice["way"], &choice["fields"][0]["name"]), (&json!("form"), &json!("api_key")));
    assert_eq!(choice["fields"][0]["kind"], "secret");
    let entry = |key: &str| json!({ "integration_id": integration["id"], "fields": { "api_key": key } });
    let empty = page.post("/connect/api/entry", &entry(" ")).await.problem(422, "invalid_fields");
    assert_eq!(empty.fields[0].field, "fields.api_key");
    let refused = page.post("/connect/api/entry", &entry("no-such-key")).await;
    assert!(!refused.problem(422, "credential_refused").detail.contains("no-such-key"), "{refused}");
    assert_eq!(page.get("/connect/api/session").await.ok()["status"], "open", "another try may follow");
    let other = json!({ "integration_id": world.key().get("/v1/integrations/acme").await.ok()["id"], "fields": {} });
    page.post("/connect/api/entry", &other).await.problem(404, "not_found");
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "0");
    // A key that was copied with blanks around it.
    let entered = page.post("/connect/api/entry", &entry(&format!(" {key}\n"))).await;
    assert_eq!(entered.status, 201, "{entered}");
    assert_eq!(entered.json()["account_name"], "Northwind Lanterns");
    let path = format!("/v1/connect/sessions/{}", made["id"].as_str().unwrap());
    let ended = world.key().get(&path).await.ok();
    assert_eq!((&ended["status"], &ended["connection_id"]), (&json!("connected"), &entered.json()["connection_id"]));
    page.post("/connect/api/entry", &entry(&key)).await.problem(409, "conflict");
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "1");
    world.anonymous().post("/connect/api/entry", &entry(&key)).await.problem(401, "unauthenticated");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn enter_credential_repairs_with_the_same_account_alone() {
    let world = World::start(Options::default()).await;
    let (integration, key) = keyed(&world).await;
    let (page, _) = session(&world, json!({ "end_user": { "id": "m" }, "integrations": ["keyed"] })).await;
    let entry = |key: &str| json!({ "integration_id": integration["id"], "fields": { "api_key": key } });
    let connection = page.post("/connect/api/entry", &entry(&key)).await.ok()["connection_id"].clone();
    let (page, _) = session(&world, json!({ "end_user": { "id": "m" }, "connection_id": connection })).await;
    let mint = |shop: &str| {
        let mint = Command::Mint { client_id: "lamplight".into(), account: shop.into() };
        world.acme().control(mint).unwrap()["access_token"].as_str().unwrap().to_owned()
    };
    let other = page.post("/connect/api/entry", &entry(&mint("shop_south"))).await;
    assert!(other.problem(422, "credential_refused").detail.contains("account"), "{other}");
    let repaired = page.post("/connect/api/entry", &entry(&mint("shop_north"))).await.ok();
    assert_eq!(repaired["connection_id"], connection);
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "1");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn show_connect_code_gives_a_code_to_type_in_elsewhere() {
    let (world, oidc) = (World::start(Options::default()).await, Oidc::shared().await);
    let wish = json!({
        "grant_types": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
        "response_types": [], "redirect_uris": [], "token_endpoint_auth_method": "none",
        "application_type": "native",
    });
    let client = Anonymous::at(oidc.origin()).post("/reg", &wish).await.ok();
    let origin = oidc.origin();
    let manifest = format!(
        "schema = 1\nslug = \"by-code\"\nname = \"By code\"\ncategory = \"identity\"\ndocs = \"https://docs.example\"\n\
         [auth]\nmode = \"oauth2_device\"\ndevice_authorization_url = \"{origin}/device/auth\"\n\
         token_url = \"{origin}/token\"\nclient_auth = \"none\"\nscopes = [\"openid\"]\n\
         [api]\nbase_url = \"{origin}\"\n"
    );
    let key = world.key();
    key.request(Method::PUT, "/v1/providers/by-code").json(&json!({ "manifest": manifest })).send().await.ok();
    let wish = json!({ "provider": "by-code", "client_id": client["client_id"] });
    let integration = world.key().post("/v1/integrations", &wish).await.ok();
    let (page, _) = session(&world, json!({ "end_user": { "id": "m" } })).await;
    let choices = page.get("/connect/api/session").await.ok()["choices"].as_array().unwrap().clone();
    let choice = choices.iter().find(|choice| choice["integration_id"] == integration["id"]).unwrap();
    assert_eq!(choice["way"], "code");
    let wanted = json!({ "integration_id": integration["id"], "fields": {} });
    let answer = page.post("/connect/api/code", &wanted).await;
    assert_eq!((answer.status, answer.header("cache-control")), (201, Some("no-store")), "{answer}");
    let code = answer.json();
    let user_code = code["user_code"].as_str().unwrap();
    assert!(user_code.len() >= 8, "{code}");
    assert_eq!(code["verification_url"], format!("{origin}/device"));
    assert_eq!(code["verification_url_complete"], format!("{origin}/device?user_code={user_code}"));
    assert_eq!(page.get("/connect/api/progress").await.ok()["status"], "in_progress");
    // Another kind of provider has no codes, and what was typed in alone does not do for one that has.
    let other = world.key().get("/v1/integrations/acme").await.ok();
    let other = page.post("/connect/api/code", &json!({ "integration_id": other["id"], "fields": {} })).await;
    assert!((400..500).contains(&other.status), "{other}");
    let (page, _) = session(&world, json!({ "end_user": { "id": "n" } })).await;
    let entered = page.post("/connect/api/entry", &wanted).await;
    assert!((400..500).contains(&entered.status), "{entered}");
    world.anonymous().post("/connect/api/code", &wanted).await.problem(401, "unauthenticated");
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "0");
    world.end().await;
}
