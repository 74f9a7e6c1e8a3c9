//! `/v1/integrations`: providers as configured in an environment.

use serde_json::{Value, json};

use crate::support::{Options, World};

const SECRET: &str = "client-secret-that-nobody-reads";

fn wish(slug: &str) -> Value {
    let origin = "http://127.0.0.1:9";
    json!({ "provider": "acme", "slug": slug, "display_name": "Our shop", "client_id": "lamp", "client_secret": SECRET,
        "variables": { "auth": origin, "api": origin } })
}

#[tokio::test(flavor = "multi_thread")]
async fn create_integration_seals_the_client_secret() {
    let world = World::start(Options::default()).await;
    let made = world.key().post("/v1/integrations", &wish("shop")).await;
    assert_eq!(made.status, 201, "{made}");
    assert!(!made.text().contains(SECRET), "it is write-only");
    let made = made.json();
    assert_eq!((made["slug"].as_str(), made["has_client_secret"].as_bool()), (Some("shop"), Some(true)));
    let redirect = made["redirect_uri"].as_str().unwrap();
    assert!(redirect.starts_with(&format!("{}/connect/callback/", world.origin())), "{redirect}");
    assert!(redirect.ends_with(made["id"].as_str().unwrap()), "OA-3: distinct per integration: {redirect}");
    assert!(!world.database().dump().await.contains(SECRET));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn create_integration_names_every_field_that_is_wrong() {
    let world = World::start(Options::default()).await;
    let key = world.key();
    let change = |field: &str, value: Value| {
        let mut body = wish("shop");
        body[field] = value;
        body
    };
    let unknown = key.post("/v1/integrations", &change("provider", json!("nobody"))).await;
    let problem = unknown.problem(422, "unknown_provider");
    assert!(problem.detail.contains("`nobody`") && problem.detail.contains("/v1/providers"), "{unknown}");
    for (field, value) in [
        ("slug", json!("No Slug")),
        ("slug", json!("")),
        ("display_name", json!("")),
        ("display_name", json!("x".repeat(2000))),
        ("variables", json!({ "auth": "https://evil.example", "api": "http://127.0.0.1:9" })),
        ("variables", json!({ "auth": "http://127.0.0.1:9/path", "api": "http://127.0.0.1:9" })),
        ("variables", json!({ "auth": "http://127.0.0.1:9" })),
        ("variables", json!({ "auth": "http://127.0.0.1:9", "api": "http://127.0.0.1:9", "other": "x" })),
        ("scopes", json!(["two words"])),
        ("client_id", json!("")),
        // No install of this provider begins at a marketplace.
        ("install_url", json!("https://app.example.com/install")),
    ] {
        let answer = key.post("/v1/integrations", &change(field, value)).await;
        let problem = answer.problem(422, "invalid_fields");
        assert!(problem.fields.iter().any(|one| one.field.starts_with(field)), "{field}: {answer}");
    }
    assert_eq!(world.one("SELECT count(*) FROM integrations").await, "0");
    key.post("/v1/integrations", &wish("shop")).await.ok();
    let again = key.post("/v1/integrations", &wish("shop")).await;
    assert!(again.problem(409, "conflict").detail.contains("`shop`"), "{again}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_integration_by_id_and_by_slug() {
    let world = World::start(Options::default()).await;
    let made = world.key().post("/v1/integrations", &wish("shop")).await.ok();
    let id = made["id"].as_str().unwrap();
    assert_eq!(world.key().get(&format!("/v1/integrations/{id}")).await.ok(), made);
    assert_eq!(world.key().get("/v1/integrations/shop").await.ok(), made);
    world.key().get("/v1/integrations/other").await.problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn list_integrations_goes_on_by_cursor() {
    let world = World::start(Options::default()).await;
    for number in 0..5 {
        world.key().post("/v1/integrations", &wish(&format!("shop-{number}"))).await.ok();
    }
    let slugs =
        super::edge::walk(&world.key(), "/v1/integrations?limit=2", |one| one["slug"].as_str().unwrap().to_owned())
            .await;
    assert_eq!(slugs.len(), 5, "{slugs:?}");
    assert!((0..5).all(|number| slugs.contains(&format!("shop-{number}"))));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn update_integration_keeps_what_is_absent() {
    let world = World::start(Options::default()).await;
    let key = world.key();
    let made = key.post("/v1/integrations", &wish("shop")).await.ok();
    let sealed = world.one("SELECT encode(client_secret, 'hex') FROM integrations").await;
    let changed = key.patch("/v1/integrations/shop", &json!({ "display_name": "Another name" })).await.ok();
    assert_eq!(changed["display_name"], "Another name");
    for kept in ["id", "slug", "client_id", "has_client_secret", "variables", "scopes", "redirect_uri", "created_at"] {
        assert_eq!(changed[kept], made[kept], "{kept}");
    }
    assert_eq!(world.one("SELECT encode(client_secret, 'hex') FROM integrations").await, sealed);
    key.patch("/v1/integrations/shop", &json!({ "client_secret": "another secret" })).await.ok();
    assert_ne!(world.one("SELECT encode(client_secret, 'hex') FROM integrations").await, sealed);
    key.patch("/v1/integrations/shop", &json!({ "variables": { "auth": "https://evil.example" } }))
        .await
        .problem(422, "invalid_fields");
    key.patch("/v1/integrations/other", &json!({})).await.problem(404, "not_found");
    assert_eq!(key.get("/v1/integrations/shop").await.ok()["variables"], made["variables"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn create_integration_and_update_integration_take_the_page_for_installs() {
    let world = World::start(Options::default()).await;
    let key = world.key();
    let manifest = "schema = 1\nslug = \"market\"\nname = \"Market\"\ncategory = \"commerce\"\n\
        docs = \"https://docs.example\"\n[auth]\nmode = \"oauth2_code\"\n\
        authorization_url = \"https://market.example/authorize\"\ntoken_url = \"https://market.example/token\"\n\
        install = { begins = \"code\" }\n[api]\nbase_url = \"https://market.example/api\"\n";
    let put = key.request(http::Method::PUT, "/v1/providers/market").json(&json!({ "manifest": manifest }));
    put.send().await.ok();
    let wish = |url: Value| json!({ "provider": "market", "client_id": "c", "client_secret": "s", "install_url": url });
    let none = key.post("/v1/integrations", &wish(Value::Null)).await.ok();
    let arrives_at = format!("{}/connect/install/{}", world.origin(), none["id"].as_str().unwrap());
    assert_eq!((&none["app_url"], &none["install_url"]), (&json!(arrives_at), &Value::Null));
    for wrong in ["http://app.example.com/", "https://app.example.com/#x", "javascript:alert(1)", "install", ""] {
        let answer = key.post("/v1/integrations", &wish(json!(wrong))).await;
        assert_eq!(answer.problem(422, "invalid_fields").fields[0].field, "install_url", "{wrong}: {answer}");
    }
    let page = "https://app.example.com/install?from=market";
    let path = "/v1/integrations/market";
    assert_eq!(key.patch(path, &json!({ "install_url": page })).await.ok()["install_url"], page);
    assert_eq!(key.patch(path, &json!({ "display_name": "Other" })).await.ok()["install_url"], page, "absent stays");
    let wrong = key.patch(path, &json!({ "install_url": "https://a.example/?patchbay_install=x" })).await;
    assert_eq!(wrong.problem(422, "invalid_fields").fields[0].field, "install_url");
    assert_eq!(key.get(path).await.ok()["install_url"], page);
    assert_eq!(key.patch(path, &json!({ "install_url": "" })).await.ok()["install_url"], Value::Null);
    // Where no install begins there is no address for it either.
    assert_eq!(key.post("/v1/integrations", &self::wish("shop")).await.ok()["app_url"], Value::Null);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_integration_unless_connections_hang_on_it() {
    let world = World::start(Options::default()).await;
    let key = world.key();
    key.post("/v1/integrations", &wish("unused")).await.ok();
    assert_eq!(key.delete("/v1/integrations/unused").await.status, 204);
    key.get("/v1/integrations/unused").await.problem(404, "not_found");
    key.delete("/v1/integrations/unused").await.problem(404, "not_found");
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-1", "shop_north").await;
    world.synced(&connection).await;
    let path = format!("/v1/integrations/{}", integration["id"].as_str().unwrap());
    key.delete(&path).await.problem(409, "conflict");
    key.get(&format!("/v1/connections/{connection}")).await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn create_integration_and_update_integration_keep_secret_variables_to_themselves() {
    let world = World::start(Options::default()).await;
    let key = world.key();
    let manifest = "schema = 1\nslug = \"signed\"\nname = \"Signed\"\ncategory = \"commerce\"\n\
        docs = \"https://docs.example\"\n[variables.partner]\ntype = \"secret\"\nat = \"integration\"\nlabel = \"Partner key\"\n\
        [variables.spare]\ntype = \"secret\"\nat = \"integration\"\noptional = true\nlabel = \"Spare key\"\n\
        [variables.api_key]\ntype = \"secret\"\nlabel = \"API key\"\n[auth]\nmode = \"key\"\n\
        [api]\nbase_url = \"https://api.signed.example\"\n\
        credential = { headers = { Authorization = \"Bearer {api_key}\", X-Partner = \"{partner}\" } }\n";
    let put = key.request(http::Method::PUT, "/v1/providers/signed").json(&json!({ "manifest": manifest }));
    put.send().await.ok();
    let wish = |secrets: Value| json!({ "provider": "signed", "secrets": secrets });
    for (secrets, field) in [
        (json!({}), "secrets.partner"),
        (json!({ "partner": "p", "api_key": "k" }), "secrets.api_key"),
        (json!({ "partner": "p", "other": "k" }), "secrets.other"),
    ] {
        let answer = key.post("/v1/integrations", &wish(secrets)).await;
        let problem = answer.problem(422, "invalid_fields");
        assert_eq!(problem.fields.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), [field], "{answer}");
    }
    let made = key.post("/v1/integrations", &wish(json!({ "partner": SECRET }))).await;
    assert_eq!(made.status, 201, "{made}");
    let changed = key.patch("/v1/integrations/signed", &json!({ "secrets": { "spare": SECRET } })).await;
    let shown = key.get("/v1/integrations/signed").await;
    let listed = key.get("/v1/integrations").await;
    for answer in [&made, &changed, &shown, &listed] {
        assert!(!answer.text().contains(SECRET), "they are write-only: {answer}");
    }
    assert_eq!(
        (&made.json()["secrets_set"], &shown.json()["secrets_set"]),
        (&json!(["partner"]), &json!(["partner", "spare"]))
    );
    assert!(!world.database().dump().await.contains(SECRET));
    let sealed = "SELECT encode(secrets, 'hex') FROM integrations";
    let before = world.one(sealed).await;
    key.patch("/v1/integrations/signed", &json!({ "display_name": "Another name" })).await.ok();
    assert_eq!(world.one(sealed).await, before, "what is not named stays");
    key.patch("/v1/integrations/signed", &json!({ "secrets": { "other": "x" } })).await.problem(422, "invalid_fields");
    world.end().await;
}
