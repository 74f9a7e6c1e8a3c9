//! `/v1/operator`: tenants, their environments, first keys and members.

use serde_json::json;

use crate::support::{Operator, Options, TenantKey, World};

#[tokio::test(flavor = "multi_thread")]
async fn create_tenant_makes_its_key_and_refuses_what_cannot_be() {
    let world = World::start(Options::default()).await;
    let operator = world.operator();
    let made = operator.post("/v1/operator/tenants", &json!({ "slug": "tea-house", "name": "  Tea House  " })).await;
    assert_eq!(made.status, 201, "{made}");
    let made = made.json();
    assert_eq!((made["slug"].as_str(), made["name"].as_str()), (Some("tea-house"), Some("Tea House")));
    assert!(made["id"].as_str().unwrap().starts_with("ten_"), "{made}");
    let again = operator.post("/v1/operator/tenants", &json!({ "slug": "tea-house", "name": "Another" })).await;
    again.problem(409, "conflict");
    for (slug, name) in [
        ("", "X"),
        ("Upper", "X"),
        ("a b", "X"),
        ("-", ""),
        (&*"a".repeat(65), "X"),
        ("ok", "  "),
        ("ok", &*"x".repeat(1000)),
    ] {
        let answer = operator.post("/v1/operator/tenants", &json!({ "slug": slug, "name": name })).await;
        let problem = answer.problem(422, "invalid_fields");
        assert!(["slug", "name"].contains(&problem.fields[0].field.as_str()), "{answer}");
    }
    assert_eq!(world.one("SELECT count(*) FROM tenants").await, "2");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn list_tenants_goes_on_by_cursor() {
    let world = World::start(Options::default()).await;
    let operator = world.operator();
    for number in 0..5 {
        operator.post("/v1/operator/tenants", &json!({ "slug": format!("t-{number}"), "name": "T" })).await.ok();
    }
    let slugs = super::edge::walk(&operator, "/v1/operator/tenants?limit=2", |tenant| {
        tenant["slug"].as_str().unwrap().to_owned()
    })
    .await;
    let mut sorted = slugs.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((slugs.len(), sorted.len()), (6, 6), "each once: {slugs:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn create_environment_belongs_to_its_tenant() {
    let world = World::start(Options::default()).await;
    let operator = world.operator();
    let tenant = world.tenant().tenant["id"].as_str().unwrap();
    let path = format!("/v1/operator/tenants/{tenant}/environments");
    let made = operator.post(&path, &json!({ "slug": "dev", "name": "Development" })).await;
    assert_eq!(made.status, 201, "{made}");
    assert_eq!(made.json()["tenant_id"], *tenant);
    operator.post(&path, &json!({ "slug": "dev", "name": "Again" })).await.problem(409, "conflict");
    // The same name in another tenant is another environment.
    world.stranger("neighbour").await;
    let unknown = path.replace(tenant, "ten_00000000000000000000000000");
    operator.post(&unknown, &json!({ "slug": "dev", "name": "Lost" })).await.problem(404, "not_found");
    operator
        .post("/v1/operator/tenants/nonsense/environments", &json!({ "slug": "dev", "name": "Lost" }))
        .await
        .problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn create_environment_api_key_opens_that_environment_alone() {
    let world = World::start(Options::default()).await;
    let operator = world.operator();
    let stranger = world.stranger("neighbour").await;
    let (tenant, environment) =
        (world.tenant().tenant["id"].as_str().unwrap(), world.tenant().environment["id"].as_str().unwrap());
    let path = format!("/v1/operator/tenants/{tenant}/environments/{environment}/api-keys");
    let made = operator.post(&path, &json!({ "name": "reader", "scopes": ["keys:read"] })).await;
    assert_eq!(made.status, 201, "{made}");
    assert_eq!(made.header("cache-control"), Some("no-store"), "it is shown once and kept nowhere: {made}");
    let key = TenantKey::at(world.origin(), made.json()["secret"].as_str().unwrap());
    assert_eq!(key.get("/v1/api-keys").await.ok()["data"].as_array().unwrap().len(), 2);
    // An environment of one tenant under another's name.
    let theirs = stranger.environment["id"].as_str().unwrap();
    let mixed = format!("/v1/operator/tenants/{tenant}/environments/{theirs}/api-keys");
    operator.post(&mixed, &json!({ "name": "mixed", "scopes": ["*"] })).await.problem(404, "not_found");
    assert_eq!(world.one("SELECT count(*) FROM api_keys WHERE name = 'mixed'").await, "0");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn create_member_keeps_the_password_only_as_argon2id() {
    let world = World::start(Options::default()).await;
    let operator = world.operator();
    let path = format!("/v1/operator/tenants/{}/members", world.tenant().tenant["id"].as_str().unwrap());
    let wish = json!({ "email": "Ada@Lamplight.example", "name": "Ada", "password": "a password of some length", "role": "admin" });
    let made = operator.post(&path, &wish).await;
    assert_eq!(made.status, 201, "{made}");
    assert_eq!(made.json()["email"], "ada@lamplight.example");
    assert!(!made.text().contains("a password of some length"));
    assert!(world.one("SELECT password_hash FROM members").await.starts_with("$argon2id$v=19$"));
    operator.post(&path, &wish).await.problem(409, "conflict");
    for (field, value) in [("password", "short"), ("role", "king"), ("email", "nobody"), ("name", "")] {
        let mut wrong = wish.clone();
        wrong["email"] = json!("b@lamplight.example");
        wrong[field] = json!(value);
        let problem = operator.post(&path, &wrong).await.problem(422, "invalid_fields");
        assert_eq!(problem.fields[0].field, field);
    }
    assert_eq!(world.one("SELECT count(*) FROM members").await, "1");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_4_without_an_operator_token_that_api_is_closed() {
    let world = World::start(Options { configure: |_| {}, ..Options::default() }).await;
    for token in ["", "wrong", "operator-token-of-the-tests-012345678", "operator-token-of-the-tests-01234567890"] {
        Operator::at(world.origin(), token).get("/v1/operator/tenants").await.problem(401, "unauthenticated");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn create_revocation_run_and_get_revocation_run_stop_what_is_meant() {
    let super::connected::Connected { world, connection, .. } = super::connected::Connected::set().await;
    let operator = world.operator();
    let (tenant, environment) = (&world.tenant().tenant["id"], &world.tenant().environment["id"]);
    let path = format!(
        "/v1/operator/tenants/{}/environments/{}/revocations",
        tenant.as_str().unwrap(),
        environment.as_str().unwrap()
    );
    let dry = operator.post(&path, &json!({ "dry_run": true })).await;
    assert_eq!(dry.status, 200, "{dry}");
    let dry = dry.json();
    assert_eq!((&dry["total"], &dry["id"]), (&json!(1), &serde_json::Value::Null));
    assert_eq!(dry["providers"], json!([{ "provider": "acme", "connections": 1, "revocation": "yes" }]));
    let none = operator.post(&path, &json!({ "provider": "nothing", "dry_run": true })).await.ok();
    assert_eq!(none["total"], 0);
    let run = operator.post(&path, &json!({ "provider": "acme" })).await;
    assert_eq!(run.status, 202, "{run}");
    let run = run.json()["id"].as_str().unwrap().to_owned();
    let shown = world.key().get(&format!("/v1/connections/{connection}")).await.ok();
    assert_eq!(shown["health"]["state"], "revoked", "at once");
    let ended = crate::support::until("the run has ended", crate::support::PATIENCE, async || {
        let run = operator.get(&format!("{path}/{run}")).await.ok();
        run["finished_at"].is_string().then_some(run)
    })
    .await;
    assert_eq!(ended["outcomes"], json!([{ "provider": "acme", "state": "revoked", "count": 1 }]));
    let elsewhere = path.replace(environment.as_str().unwrap(), "env_01h455vb4pex5vsknk084sn02q");
    operator.post(&elsewhere, &json!({})).await.problem(404, "not_found");
    operator.get(&format!("{path}/rvk_01h455vb4pex5vsknk084sn02q")).await.problem(404, "not_found");
    world.end().await;
}
