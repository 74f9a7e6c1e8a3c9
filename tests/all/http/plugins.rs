//! `/v1/plugins` and `/v1/plugin-keys`: versions that are pushed, signed, pinned and rolled back.

use flows::plugin::Package;
use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Author, Options, TenantKey, World, push, push_bytes, pushing};

pub(super) async fn pin(key: &TenantKey, slug: &str, version: &str) -> Answer {
    let body = json!({ "version": version });
    key.request(Method::PUT, &format!("/v1/plugins/{slug}/pin")).json(&body).send().await
}

pub(super) async fn rollback(key: &TenantKey, slug: &str, to: Option<&str>) -> Answer {
    let body = to.map_or_else(|| json!({}), |to| json!({ "to": to }));
    key.post(&format!("/v1/plugins/{slug}/rollback"), &body).await
}

/// A world whose environment trusts an author, who has pushed Acme's plugin as 1.0.0.
pub(super) async fn with_author() -> (World, Author) {
    let world = World::start(Options::default()).await;
    let author = Author::new(1);
    author.trusted_by(&world.key()).await;
    push(&world.key(), &author.acme("acme", "1.0.0", |same| same).await).await.ok();
    (world, author)
}

pub(super) fn unchanged(manifest: String) -> String {
    manifest
}

#[tokio::test(flavor = "multi_thread")]
async fn push_plugin_takes_a_signed_version_once_and_list_plugins_shows_it() {
    let (world, author) = with_author().await;
    let key = world.key();
    let package = author.acme("acme", "1.0.0", unchanged).await;
    let again = push(&key, &package).await;
    assert_eq!(again.status, 200, "the same again changes nothing: {again}");
    let shown = again.ok();
    assert_eq!(
        (&shown["plugin"], &shown["version"], &shown["state"]),
        (&json!("acme"), &json!("1.0.0"), &json!("ready"))
    );
    assert_eq!((&shown["asks"], &shown["is_pinned"]), (&json!([]), &json!(false)), "as the installed one: {shown}");
    assert_eq!(shown["signed_by"], json!(author.public()));
    assert_eq!(shown["abi"], json!(pushing::contract().await));
    assert_eq!(shown["component_bytes"], json!(pushing::component().len()));
    // Another content under the same number, signed as it should be.
    let other = author.acme("acme", "1.0.0", |manifest| format!("{manifest}# changed\n")).await;
    push(&key, &other).await.problem(409, "conflict");
    for number in ["1.10.0", "1.9.0", "2.0.0-beta.1"] {
        assert_eq!(push(&key, &author.acme("acme", number, unchanged).await).await.status, 201);
    }
    let listed = key.get("/v1/plugins").await.ok();
    assert_eq!(listed["data"], json!([{ "slug": "acme", "pinned": null, "newest": "2.0.0-beta.1", "versions": 4 }]));
    assert_eq!(world.one("SELECT count(*) FROM audit WHERE action = 'plugin.pushed'").await, "4");
    assert_eq!(world.one("SELECT count(*) FROM plugin_components").await, "4");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn list_plugin_versions_and_get_plugin_version_show_what_was_pushed() {
    let (world, author) = with_author().await;
    let key = world.key();
    for number in ["1.10.0", "1.9.0"] {
        push(&key, &author.acme("acme", number, unchanged).await).await.ok();
    }
    let first = key.get("/v1/plugins/acme/versions?limit=2").await.ok();
    let numbers = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|one| one["version"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(numbers(&first), ["1.10.0", "1.9.0"], "the newest first");
    assert_eq!(first["data"][0]["manifest"], Value::Null, "not in a list: {first}");
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = key.get(&format!("/v1/plugins/acme/versions?limit=2&cursor={cursor}")).await.ok();
    assert_eq!((numbers(&rest), &rest["next_cursor"]), (vec!["1.0.0".to_owned()], &Value::Null));
    let one = key.get("/v1/plugins/acme/versions/1.9.0").await.ok();
    assert_eq!(one["manifest"], json!(pushing::manifest()));
    key.get("/v1/plugins/acme/versions/7.0.0").await.problem(404, "not_found");
    key.get("/v1/plugins/nobody/versions").await.problem(404, "not_found");
    world.key_with(&["integrations:read"]).await.get("/v1/plugins").await.problem(403, "missing_scope");
    world.end().await;
}

/// What is refused: its name, the package, the part that is named, and words of the reason.
type Refusal = (&'static str, Package, &'static str, &'static [&'static str]);

async fn refusals(author: &Author) -> Vec<Refusal> {
    let good = author.acme("acme", "1.0.1", unchanged).await;
    let contract = pushing::contract().await;
    let (manifest, component) = (pushing::manifest(), pushing::component());
    let with = |change: &dyn Fn(&mut Package)| {
        let mut package = good.clone();
        change(&mut package);
        package
    };
    let of = |slug: &str, version: &str, abi: &str, component: &[u8]| {
        author.signed((slug, version, abi), manifest.clone(), component.to_vec())
    };
    let core = wat::parse_str("(module)").unwrap();
    let foreign = wat::parse_str("(component (import \"wasi:filesystem/types@0.2.0\" (instance)))").unwrap();
    let old = wat::parse_str("(component (import \"patchbay:plugin/http@0.9.0\" (instance)))").unwrap();
    let empty = wat::parse_str("(component)").unwrap();
    let other_contract = if contract == "1.0" { "2.0" } else { "1.0" };
    let refusals: [Refusal; 19] = [
        ("unsigned", with(&|package| package.signature.clear()), "signature", &["not signed", "--key"]),
        (
            "signed by nobody we know",
            Author::new(9).acme("acme", "1.0.1", unchanged).await,
            "public_key",
            &["not trusted", "/v1/plugin-keys"],
        ),
        (
            "another's key on it",
            with(&|package| package.public_key = Author::new(9).public().parse().unwrap()),
            "signature",
            &["not this key's"],
        ),
        (
            "an altered manifest",
            with(&|package| package.manifest.push_str("# and more\n")),
            "signature",
            &["not the one that was signed"],
        ),
        (
            "an altered component",
            with(&|package| *package.component.last_mut().unwrap() ^= 1),
            "signature",
            &["not the one that was signed"],
        ),
        ("another number", with(&|package| package.signed.version = "1.0.2".into()), "signature", &["not this key's"]),
        ("another provider", with(&|package| package.signed.slug = "other".into()), "signature", &["not this key's"]),
        (
            "another digest stated",
            with(&|package| package.signed.component_sha256[0] ^= 1),
            "signature",
            &["not this key's"],
        ),
        ("no number", of("acme", "latest", contract, &component), "version", &["1.4.0"]),
        ("build metadata", of("acme", "1.0.1+linux", contract, &component), "version", &["`+`"]),
        (
            "a contract that the component does not speak",
            of("acme", "1.0.1", other_contract, &component),
            "version",
            &["contract", "sign it again"],
        ),
        ("another provider's manifest", of("beta", "1.0.1", contract, &component), "manifest", &["`acme`", "`beta`"]),
        (
            "a manifest without code",
            author.acme("acme", "1.0.1", |text| pushing::without_code(&text).to_owned()).await,
            "manifest",
            &["[plugin]", "PUT /v1/providers/acme"],
        ),
        (
            "a manifest that is none",
            author.acme("acme", "1.0.1", |text| text.replace("mode = \"oauth2_code\"", "mode = \"magic\"")).await,
            "manifest",
            &["auth", "provider.toml:"],
        ),
        ("a core module", of("acme", "1.0.1", contract, &core), "component", &["core WebAssembly module"]),
        (
            "no WebAssembly",
            of("acme", "1.0.1", contract, b"#!/bin/sh\nexit 0\n"),
            "component",
            &["not a WebAssembly component"],
        ),
        (
            "more than any plugin has",
            of("acme", "1.0.1", contract, &foreign),
            "component",
            &["wasi:filesystem/types", "no plugin has"],
        ),
        (
            "an unknown version of the contract",
            of("acme", "1.0.1", contract, &old),
            "component",
            &["0.9.0", "this server runs"],
        ),
        (
            "a component for another world",
            of("acme", "1.0.1", contract, &empty),
            "component",
            &["not a provider plugin"],
        ),
    ];
    refusals.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn pl_5_push_plugin_refuses_what_is_not_sound_with_the_reason_and_stores_nothing() {
    let (world, author) = with_author().await;
    let key = world.key();
    for (name, package, part, words) in refusals(&author).await {
        let answer = push(&key, &package).await;
        let problem = answer.problem(422, "plugin_refused");
        assert_eq!(problem.fields[0].field, part, "{name}: {answer}");
        for word in words {
            assert!(problem.fields[0].detail.contains(word), "{name}: `{word}` is missing: {answer}");
        }
    }
    // What is no package at all.
    let whole = author.acme("acme", "1.0.1", unchanged).await.to_bytes();
    for (name, bytes) in [
        ("nothing", Vec::new()),
        ("a component alone", pushing::component()),
        ("cut off", whole[..whole.len() - 1].to_vec()),
        ("with something behind it", [&whole[..], b"x"].concat()),
    ] {
        let answer = push_bytes(&key, bytes).await;
        assert_eq!(answer.problem(422, "plugin_refused").fields[0].field, "package", "{name}: {answer}");
    }
    let json = key.request(Method::POST, "/v1/plugins").json(&json!({})).send().await;
    json.problem(415, "unsupported_media_type");
    let known = key.get("/v1/plugin-keys").await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    key.post(&format!("/v1/plugin-keys/{known}/revoke"), &json!({})).await.ok();
    let answer = push(&key, &author.acme("acme", "1.0.1", unchanged).await).await;
    let problem = answer.problem(422, "plugin_refused");
    assert!(problem.fields[0].field == "public_key" && problem.detail.contains("revoked"), "{answer}");
    assert_eq!(world.one("SELECT count(*) FROM plugin_versions").await, "1", "nothing of all this was stored");
    assert_eq!(world.one("SELECT count(*) FROM plugin_components").await, "1");
    let reader = world.key_with(&["plugins:read", "integrations:write", "keys:write"]).await;
    push(&reader, &author.acme("acme", "1.0.1", unchanged).await).await.problem(403, "missing_scope");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pl_5_a_package_that_is_too_large_is_refused_before_it_is_read() {
    let world = World::start(Options::default()).await;
    let answer = push_bytes(&world.key(), vec![0; flows::plugin::MOST_PACKAGE_BYTES + 1]).await;
    answer.problem(413, "body_too_large");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pl_5_the_operators_key_is_trusted_everywhere() {
    let configure: fn(&mut patchbay::config::Config) =
        |config| config.plugins.trusted_keys = vec![Author::new(3).public()];
    let world = World::start(Options { configure, ..Options::default() }).await;
    let stranger = world.stranger("neighbour").await;
    let package = Author::new(3).acme("acme", "1.0.0", unchanged).await;
    for key in [world.key(), stranger.key()] {
        assert_eq!(push(&key, &package).await.status, 201, "to each environment by itself");
        pin(&key, "acme", "1.0.0").await.ok();
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pl_5_approve_plugin_version_is_asked_for_what_is_more_than_before() {
    let (world, author) = with_author().await;
    let key = world.key();
    pin(&key, "acme", "1.0.0").await.ok();
    let more = |text: String| {
        text.replace("\"orders:write\"", "\"orders:write\", \"refunds:write\"")
            .replace("base_url = \"{api}\"", "base_url = \"{api}\"\nhosts = [\"files.elsewhere.example\"]")
    };
    let asks = json!([
        { "kind": "host", "what": "files.elsewhere.example" },
        { "kind": "scope", "what": "refunds:write" },
    ]);
    let pushed = push(&key, &author.acme("acme", "1.1.0", more).await).await.ok();
    assert_eq!((&pushed["state"], &pushed["asks"]), (&json!("needs_approval"), &asks), "{pushed}");
    let refused = pin(&key, "acme", "1.1.0").await;
    let detail = refused.problem(409, "conflict").detail;
    for word in ["files.elsewhere.example", "refunds:write", "approve"] {
        assert!(detail.contains(word), "`{word}` is missing: {refused}");
    }
    // A version after it that asks for the same is asked about as well: nobody agreed to the one before.
    let next = push(&key, &author.acme("acme", "1.2.0", more).await).await.ok();
    assert_eq!((&next["state"], &next["asks"]), (&json!("needs_approval"), &asks), "{next}");
    let path = "/v1/plugins/acme/versions/1.1.0/approve";
    let pusher = world.key_with(&["plugins:read", "plugins:write"]).await;
    pusher.post(path, &json!({})).await.problem(403, "missing_scope");
    let approved = key.post(path, &json!({})).await.ok();
    assert_eq!((&approved["state"], &approved["asks"]), (&json!("ready"), &asks), "it stays known: {approved}");
    assert!(approved["approved_by"].as_str().unwrap().starts_with("key_"), "{approved}");
    key.post(path, &json!({})).await.ok();
    pin(&pusher, "acme", "1.1.0").await.ok();
    assert_eq!(world.one("SELECT count(*) FROM audit WHERE action = 'plugin.approved'").await, "1");
    // From now on it is what others are held against.
    let after = push(&key, &author.acme("acme", "1.3.0", more).await).await.ok();
    assert_eq!((&after["state"], &after["asks"]), (&json!("ready"), &json!([])), "{after}");
    key.post("/v1/plugins/acme/versions/9.0.0/approve", &json!({})).await.problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pin_plugin_unpin_plugin_and_rollback_plugin_change_what_is_in_force() {
    let (world, author) = with_author().await;
    let key = world.key();
    for number in ["2.0.0", "3.0.0"] {
        let named = |text: String| text.replace("name = \"Acme\"", &format!("name = \"Acme {number}\""));
        push(&key, &author.acme("acme", number, named).await).await.ok();
    }
    let shown = async || {
        let detail = key.get("/v1/providers/acme").await.ok();
        (
            detail["origin"].as_str().unwrap().to_owned(),
            detail["plugin_version"].clone(),
            detail["provider"]["name"].clone(),
        )
    };
    assert_eq!(shown().await, ("installed".to_owned(), Value::Null, json!("Acme")));
    rollback(&key, "acme", None).await.problem(409, "conflict");
    let first = pin(&key, "acme", "1.0.0").await.ok();
    assert_eq!((&first["version"], &first["replaced"]), (&json!("1.0.0"), &Value::Null));
    let detail = rollback(&key, "acme", None).await.problem(409, "conflict").detail;
    assert!(detail.contains("first"), "{detail}");
    assert_eq!(pin(&key, "acme", "2.0.0").await.ok()["replaced"], json!("1.0.0"));
    assert_eq!(pin(&key, "acme", "2.0.0").await.ok()["replaced"], Value::Null, "it is in force already");
    // Somebody who decided on what was in force before.
    let late = json!({ "version": "3.0.0", "expected_version": "1.0.0" });
    let answer = key.request(Method::PUT, "/v1/plugins/acme/pin").json(&late).send().await;
    assert!(answer.problem(409, "conflict").detail.contains("2.0.0"), "{answer}");
    let right = json!({ "version": "3.0.0", "expected_version": "2.0.0" });
    key.request(Method::PUT, "/v1/plugins/acme/pin").json(&right).send().await.ok();
    assert_eq!(shown().await, ("pushed".to_owned(), json!("3.0.0"), json!("Acme 3.0.0")));
    let listed = key.get("/v1/providers?limit=100").await.ok();
    let acme = listed["data"].as_array().unwrap().iter().find(|one| one["slug"] == "acme").unwrap().clone();
    assert_eq!((&acme["origin"], &acme["name"]), (&json!("pushed"), &json!("Acme 3.0.0")), "{acme}");
    // Back, and back once more: not forth again.
    assert_eq!(rollback(&key, "acme", None).await.ok()["version"], json!("2.0.0"));
    assert_eq!(rollback(&key, "acme", None).await.ok()["version"], json!("1.0.0"));
    rollback(&key, "acme", None).await.problem(409, "conflict");
    assert_eq!(rollback(&key, "acme", Some("3.0.0")).await.ok()["replaced"], json!("1.0.0"));
    push(&key, &author.acme("acme", "4.0.0", unchanged).await).await.ok();
    let detail = rollback(&key, "acme", Some("4.0.0")).await.problem(409, "conflict").detail;
    assert!(detail.contains("never in force"), "{detail}");
    rollback(&key, "acme", Some("5.0.0")).await.problem(404, "not_found");
    pin(&key, "acme", "5.0.0").await.problem(404, "not_found");
    // A described one would be hidden behind it, so none is taken.
    let described = json!({ "manifest": pushing::without_code(&pushing::manifest()) });
    key.request(Method::PUT, "/v1/providers/acme").json(&described).send().await.problem(409, "conflict");
    assert_eq!(key.delete("/v1/plugins/acme/pin").await.status, 204);
    assert_eq!(shown().await, ("installed".to_owned(), Value::Null, json!("Acme")));
    key.delete("/v1/plugins/acme/pin").await.problem(404, "not_found");
    let said = "SELECT string_agg(action, ' ' ORDER BY audit_id) FROM audit WHERE action LIKE 'plugin.%' AND action <> 'plugin.pushed'";
    assert_eq!(
        world.one(said).await,
        "plugin.pinned plugin.pinned plugin.pinned plugin.rolled_back plugin.rolled_back plugin.rolled_back plugin.unpinned"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unpin_plugin_waits_for_integrations_that_have_no_other_provider() {
    let world = World::start(Options::default()).await;
    let (key, author) = (world.key(), Author::new(1));
    author.trusted_by(&key).await;
    let pushed = push(&key, &author.acme("ours", "1.0.0", unchanged).await).await.ok();
    assert_eq!(pushed["state"], json!("ready"), "a provider that is new here asks for no more than before: {pushed}");
    let wish = json!({ "provider": "ours", "client_id": "c", "client_secret": "s",
        "variables": { "auth": world.acme().origin(), "api": world.acme().origin() } });
    key.post("/v1/integrations", &wish).await.problem(422, "unknown_provider");
    pin(&key, "ours", "1.0.0").await.ok();
    let integration = key.post("/v1/integrations", &wish).await.ok();
    key.delete("/v1/plugins/ours/pin").await.problem(409, "conflict");
    key.delete(&format!("/v1/integrations/{}", integration["id"].as_str().unwrap())).await;
    assert_eq!(key.delete("/v1/plugins/ours/pin").await.status, 204);
    // It is this environment's alone.
    let stranger = world.stranger("neighbour").await.key();
    pin(&stranger, "ours", "1.0.0").await.problem(404, "not_found");
    stranger.get("/v1/providers/ours").await.problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn withdraw_plugin_version_removes_what_nothing_uses_and_keeps_the_number() {
    let (world, author) = with_author().await;
    let key = world.key();
    push(&key, &author.acme("acme", "1.1.0", unchanged).await).await.ok();
    pin(&key, "acme", "1.0.0").await.ok();
    let (used, spare) = ("/v1/plugins/acme/versions/1.0.0", "/v1/plugins/acme/versions/1.1.0");
    key.delete(used).await.problem(409, "conflict");
    assert_eq!((key.delete(spare).await.status, key.delete(spare).await.status), (204, 204));
    assert_eq!(key.get(spare).await.ok()["state"], json!("withdrawn"));
    assert_eq!(world.one("SELECT count(*) FROM plugin_components").await, "1");
    pin(&key, "acme", "1.1.0").await.problem(409, "conflict");
    key.post(&format!("{spare}/approve"), &json!({})).await.problem(409, "conflict");
    push(&key, &author.acme("acme", "1.1.0", unchanged).await).await.problem(409, "conflict");
    assert_eq!(key.get("/v1/plugins").await.ok()["data"][0]["newest"], json!("1.0.0"));
    key.delete("/v1/plugins/acme/versions/8.0.0").await.problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn register_plugin_key_list_plugin_keys_and_revoke_plugin_key_say_whose_signatures_count() {
    let (world, author) = with_author().await;
    let key = world.key();
    pin(&key, "acme", "1.0.0").await.ok();
    for (field, wish) in [
        ("name", json!({ "name": " ", "public_key": Author::new(2).public() })),
        ("public_key", json!({ "name": "laptop", "public_key": "ssh-ed25519 AAAA" })),
        ("public_key", json!({ "name": "laptop", "public_key": format!("ed25519:{}=", "A".repeat(43)) })),
    ] {
        let answer = key.post("/v1/plugin-keys", &wish).await;
        assert_eq!(answer.problem(422, "invalid_fields").fields[0].field, field, "{answer}");
    }
    let twice = json!({ "name": "again", "public_key": author.public() });
    key.post("/v1/plugin-keys", &twice).await.problem(409, "conflict");
    Author::new(2).trusted_by(&key).await;
    let listed = key.get("/v1/plugin-keys").await.ok();
    let keys = listed["data"].as_array().unwrap();
    assert_eq!(keys.len(), 2, "{listed}");
    assert_eq!((&keys[0]["public_key"], &keys[0]["revoked_at"]), (&json!(author.public()), &Value::Null));
    let path = format!("/v1/plugin-keys/{}/revoke", keys[0]["id"].as_str().unwrap());
    world.key_with(&["keys:read", "plugins:write"]).await.post(&path, &json!({})).await.problem(403, "missing_scope");
    let revoked = key.post(&path, &json!({})).await.ok();
    assert_eq!(revoked["still_pinned"], json!([{ "plugin": "acme", "version": "1.0.0" }]), "{revoked}");
    let again = key.post(&path, &json!({})).await.ok();
    assert_eq!(again["key"]["revoked_at"], revoked["key"]["revoked_at"]);
    // What is in force stays so; it is not pinned anew.
    assert_eq!(key.get("/v1/providers/acme").await.ok()["plugin_version"], json!("1.0.0"));
    key.delete("/v1/plugins/acme/pin").await;
    let detail = pin(&key, "acme", "1.0.0").await.problem(409, "conflict").detail;
    assert!(detail.contains("not trusted"), "{detail}");
    key.post("/v1/plugin-keys", &twice).await.problem(409, "conflict");
    assert_eq!(world.one("SELECT count(*) FROM audit WHERE action = 'plugin_key.revoked'").await, "1");
    world.end().await;
}
