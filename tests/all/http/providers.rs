//! `/v1/providers`: what can be connected here.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Options, TenantKey, World, plugins};

/// A manifest whose keys Acme's tokens stand for.
fn manifest(slug: &str, name: &str, origin: &str) -> String {
    format!(
        "schema = 1\nslug = \"{slug}\"\nname = \"{name}\"\ncategory = \"commerce\"\ndocs = \"https://docs.example\"\n\
         [variables.api_key]\ntype = \"secret\"\nlabel = \"API key\"\n[auth]\nmode = \"key\"\n\
         [api]\nbase_url = \"{origin}\"\ncredential = {{ headers = {{ Authorization = \"Bearer {{api_key}}\" }} }}\n"
    )
}

async fn put(key: &TenantKey, slug: &str, manifest: &str, expected: Option<i32>) -> Answer {
    let mut body = json!({ "manifest": manifest });
    if let Some(expected) = expected {
        body["expected_version"] = json!(expected);
    }
    key.request(Method::PUT, &format!("/v1/providers/{slug}")).json(&body).send().await
}

fn versions(detail: &Value) -> Vec<i64> {
    detail["versions"].as_array().unwrap().iter().map(|one| one["version"].as_i64().unwrap()).collect()
}

/// How many manifests lie in the folder that the server loads.
fn installed() -> usize {
    let manifests = |folder: &std::path::Path| {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|file| file.extension().is_some_and(|extension| extension == "toml")).count()
    };
    std::fs::read_dir(plugins()).unwrap().map(|folder| manifests(&folder.unwrap().path())).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn list_providers_shows_what_is_loaded_with_what_to_fill_in() {
    let world = World::start(Options::default()).await;
    let listed = world.key().get("/v1/providers").await.ok();
    let providers = listed["data"].as_array().unwrap();
    let acme = providers.iter().find(|provider| provider["slug"] == "acme").unwrap();
    assert_eq!(acme["auth_mode"], "oauth2_code");
    let variables: Vec<_> =
        acme["integration_variables"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(variables, ["api", "auth"], "{acme}");
    assert!(acme["streams"].as_array().unwrap().iter().any(|stream| stream == "orders"), "{acme}");
    let slugs =
        super::edge::walk(&world.key(), "/v1/providers?limit=100", |one| one["slug"].as_str().unwrap().to_owned())
            .await;
    assert!(slugs.is_sorted_by(|one, next| one < next), "by slug, none twice: {slugs:?}");
    assert_eq!(slugs.len(), installed(), "the plugins and the whole catalogue");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn put_provider_makes_versions_that_are_in_force_at_once() {
    let world = World::start(Options::default()).await;
    let key = world.key();
    let (first, second) = (
        manifest("ours", "Ours", "https://api.ours.example"),
        manifest("ours", "Ours two", "https://api.ours.example"),
    );
    let made = put(&key, "ours", &first, Some(0)).await.ok();
    assert_eq!((versions(&made), &made["origin"], &made["manifest"]), (vec![1], &json!("environment"), &json!(first)));
    put(&key, "ours", &second, Some(0)).await.problem(409, "conflict");
    put(&key, "ours", &second, Some(2)).await.problem(409, "conflict");
    assert_eq!(versions(&put(&key, "ours", &second, Some(1)).await.ok()), [2, 1]);
    assert_eq!(versions(&put(&key, "ours", &first, None).await.ok()), [3, 2, 1], "without a version any is replaced");
    // Two at once: one of them is told.
    let (one, other) = tokio::join!(put(&key, "ours", &first, Some(3)), put(&key, "ours", &second, Some(3)));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{one}, {other}");
    assert_eq!(world.one("SELECT count(*) FROM audit WHERE action = 'provider.described'").await, "4");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn put_provider_names_line_and_field_of_what_it_refuses() {
    let world = World::start(Options::default()).await;
    let key = world.key();
    let good = manifest("ours", "Ours", "https://api.ours.example");
    let big = format!("{good}# {}", "x".repeat(300_000));
    for (text, said) in [
        (good.replace("category = \"commerce\"", "category = \"comerce\""), vec![":4:", "category", "commerce"]),
        (good.replace("mode = \"key\"", "mode = \"kye\""), vec![":10:", "auth", "key"]),
        (good.replace("label =", "lable ="), vec![":8:", "api_key", "label"]),
        (good.replace("Bearer {api_key}", "Bearer {api_kye}"), vec!["api.credential", "api_key"]),
        (good.replace("https://api.ours.example", "ftp://api.ours.example"), vec![":12:", "api.base_url"]),
        (good.replace("slug = \"ours\"", "slug = \"theirs\""), vec!["slug", "/v1/providers/theirs"]),
        (format!("{good}[plugin]\ncomponent = \"plugin.wasm\"\n"), vec!["plugin"]),
        ("schema = ".to_owned(), vec![":1:"]),
        (String::new(), vec!["manifest"]),
    ] {
        let answer = put(&key, "ours", &text, None).await;
        let problem = answer.problem(422, "invalid_fields");
        assert_eq!(problem.fields[0].field, "manifest", "{answer}");
        for word in said {
            assert!(problem.fields[0].detail.contains(word), "`{word}` is missing: {answer}");
        }
    }
    put(&key, "ours", &big, None).await.problem(413, "body_too_large");
    key.get("/v1/providers/ours").await.problem(404, "not_found");
    let reader = world.key_with(&["integrations:read"]).await;
    put(&reader, "ours", &good, None).await.problem(403, "missing_scope");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_provider_shows_a_version_and_an_installed_one_without_any() {
    let world = World::start(Options::default()).await;
    let key = world.key();
    let installed = key.get("/v1/providers/acme").await.ok();
    assert_eq!((&installed["origin"], &installed["manifest"]), (&json!("installed"), &Value::Null));
    assert_eq!((&installed["provider"]["slug"], versions(&installed)), (&json!("acme"), vec![]));
    let (first, second) = (
        manifest("ours", "Ours", "https://api.ours.example"),
        manifest("ours", "Ours two", "https://api.ours.example"),
    );
    put(&key, "ours", &first, None).await.ok();
    put(&key, "ours", &second, None).await.ok();
    let current = key.get("/v1/providers/ours").await.ok();
    assert_eq!((&current["manifest"], &current["provider"]["name"]), (&json!(second), &json!("Ours two")));
    assert!(current["versions"][0]["author"].as_str().unwrap().len() > 3, "{current}");
    let old = key.get("/v1/providers/ours?version=1").await.ok();
    assert_eq!((&old["manifest"], &old["provider"]["name"]), (&json!(first), &json!("Ours")));
    key.get("/v1/providers/ours?version=9").await.problem(404, "not_found");
    key.get("/v1/providers/nobody").await.problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn put_provider_stands_before_an_installed_one_in_its_environment_alone() {
    let world = World::start(Options::default()).await;
    let (key, stranger) = (world.key(), world.stranger("neighbour").await);
    let own = manifest("acme", "Acme as we see it", world.acme().origin());
    put(&key, "acme", &own, None).await.ok();
    let shown = async |key: &TenantKey| {
        let listed = key.get("/v1/providers?limit=100").await.ok();
        let found = listed["data"].as_array().unwrap().iter().find(|one| one["slug"] == "acme").unwrap().clone();
        assert_eq!(key.get("/v1/providers/acme").await.ok()["provider"], found);
        (found["name"].as_str().unwrap().to_owned(), found["auth_mode"].as_str().unwrap().to_owned())
    };
    assert_eq!(shown(&key).await, ("Acme as we see it".to_owned(), "key".to_owned()));
    assert_eq!(shown(&stranger.key()).await, ("Acme".to_owned(), "oauth2_code".to_owned()));
    // And the environment beside, of the same tenant.
    let tenant = world.tenant().tenant["id"].as_str().unwrap();
    let path = format!("/v1/operator/tenants/{tenant}/environments");
    let beside = world.operator().post(&path, &json!({ "slug": "dev", "name": "Development" })).await.ok();
    let path = format!("{path}/{}/api-keys", beside["id"].as_str().unwrap());
    let beside = world.operator().post(&path, &json!({ "name": "backend", "scopes": ["*"] })).await.ok();
    let beside = TenantKey::at(world.origin(), beside["secret"].as_str().unwrap());
    assert_eq!(shown(&beside).await.0, "Acme");
    let ours = manifest("ours", "Ours", "https://api.ours.example");
    put(&key, "ours", &ours, None).await.ok();
    for other in [&stranger.key(), &beside] {
        other.get("/v1/providers/ours").await.problem(404, "not_found");
        other.post("/v1/integrations", &json!({ "provider": "ours" })).await.problem(422, "unknown_provider");
        other.delete("/v1/providers/ours").await.problem(404, "not_found");
    }
    // Taken away, the installed one comes to light again.
    assert_eq!(key.delete("/v1/providers/acme").await.status, 204);
    assert_eq!(shown(&key).await.0, "Acme");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_provider_unless_integrations_use_it() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    let key = world.key();
    let origin = world.acme().origin();
    put(&key, "ours", &manifest("ours", "Ours", origin), None).await.ok();
    let integration = key.post("/v1/integrations", &json!({ "provider": "ours" })).await.ok();
    assert_eq!(integration["display_name"], "Ours");
    let mint = acme::Command::Mint { client_id: "lamplight".into(), account: "shop_north".into() };
    let api_key = world.acme().control(mint).unwrap()["access_token"].clone();
    let bring = json!({ "integration": "ours", "end_user": { "id": "m" }, "fields": { "api_key": api_key } });
    let connection = key.post("/v1/connections", &bring).await.ok()["id"].as_str().unwrap().to_owned();
    let me = async || {
        let call = key.request(Method::GET, "/v1/proxy/me").header("patchbay-connection", &connection);
        call.send().await
    };
    assert_eq!(me().await.ok()["sub"], "shop_north");
    key.delete("/v1/providers/ours").await.problem(409, "conflict");
    assert_eq!(me().await.ok()["sub"], "shop_north");
    // The next version is in force for what is connected already.
    put(&key, "ours", &manifest("ours", "Ours", &format!("{origin}/nowhere")), None).await.ok();
    crate::support::until("the next version is used", crate::support::PATIENCE, async || {
        (me().await.status == 404).then_some(())
    })
    .await;
    let deleted = key.delete(&format!("/v1/connections/{connection}")).await;
    assert!([202, 204].contains(&deleted.status), "{deleted}");
    crate::support::until("the connection is gone", crate::support::PATIENCE, async || {
        (key.get(&format!("/v1/connections/{connection}")).await.status == 404).then_some(())
    })
    .await;
    key.delete("/v1/integrations/ours").await.ok();
    assert_eq!(key.delete("/v1/providers/ours").await.status, 204);
    key.delete("/v1/providers/ours").await.problem(404, "not_found");
    key.delete("/v1/providers/acme").await.problem(404, "not_found");
    world.end().await;
}
