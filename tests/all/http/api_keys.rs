//! `/v1/api-keys`: made, listed, rotated, revoked; and when they were used.

use domain::clock::Clock as _;
use serde_json::json;

use crate::support::{Options, PATIENCE, TenantKey, World, until};

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
    until("the revoked key is refused", crate::support::PATIENCE, async || {
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

#[tokio::test(flavor = "multi_thread")]
async fn rotate_api_key_lets_the_old_secret_work_until_then() {
    let world = World::start(Options::default()).await;
    let made = world.key().post("/v1/api-keys", &json!({ "name": "spare", "scopes": ["keys:read"] })).await.ok();
    let (id, first) = (made["key"]["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let path = format!("/v1/api-keys/{id}/rotate");
    let works = async |secret: &str| TenantKey::at(world.origin(), secret).get("/v1/api-keys").await.status == 200;
    assert!(works(first).await);
    let before = world.clock().now();
    let rotated = world.key().post(&path, &json!({})).await;
    assert_eq!(rotated.header("cache-control"), Some("no-store"), "{rotated}");
    let rotated = rotated.ok();
    let second = rotated["secret"].as_str().unwrap();
    assert_ne!(first, second);
    assert_eq!((&rotated["key"]["id"], &rotated["key"]["scopes"]), (&made["key"]["id"], &made["key"]["scopes"]));
    assert_eq!(rotated["key"]["previous"]["hint"], made["key"]["hint"]);
    let ends: chrono::DateTime<chrono::Utc> = rotated["key"]["previous"]["until"].as_str().unwrap().parse().unwrap();
    assert!((ends - before - chrono::TimeDelta::hours(24)).num_seconds().abs() < 60, "a day: {ends}");
    assert!(works(first).await && works(second).await, "both work");
    // Three secrets of one key never do.
    let rotated = world
        .key()
        .post(&path, &json!({ "previous_until": (before + chrono::TimeDelta::days(7)).to_rfc3339() }))
        .await
        .ok();
    let third = rotated["secret"].as_str().unwrap();
    until("the first is refused", PATIENCE, async || (!works(first).await).then_some(())).await;
    assert!(works(second).await && works(third).await);
    world.clock().advance(chrono::TimeDelta::days(6));
    assert!(works(second).await && works(third).await);
    world.clock().advance(chrono::TimeDelta::days(2));
    assert!(!works(second).await && works(third).await, "the overlap is over");
    // A time that has passed ends the old secret at once, on every node and from memory too.
    let rotated = world.key().post(&path, &json!({ "previous_until": "2001-01-01T00:00:00Z" })).await.ok();
    until("the third is refused", PATIENCE, async || (!works(third).await).then_some(())).await;
    assert!(works(rotated["secret"].as_str().unwrap()).await);
    let dump = world.database().dump().await;
    for secret in [first, second, third, rotated["secret"].as_str().unwrap()] {
        assert!(!dump.contains(secret), "only hashes are stored");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotate_api_key_refuses_what_is_over_too_long_or_more_than_the_maker_may() {
    let world = World::start(Options::default()).await;
    let made = world.key().post("/v1/api-keys", &json!({ "name": "wide", "scopes": ["*"] })).await.ok();
    let path = format!("/v1/api-keys/{}/rotate", made["key"]["id"].as_str().unwrap());
    let narrow = world.key_with(&["keys:write", "keys:read"]).await;
    narrow.post(&path, &json!({})).await.problem(403, "missing_scope");
    let (portal, _) = world.member("admin").await;
    portal.post(&path, &json!({})).await.problem(403, "missing_scope");
    let long = json!({ "previous_until": (world.clock().now() + chrono::TimeDelta::days(8)).to_rfc3339() });
    let answer = world.key().post(&path, &long).await;
    assert_eq!(answer.problem(422, "invalid_fields").fields[0].field, "previous_until");
    world.key().post("/v1/api-keys/key_00000000000000000000000000/rotate", &json!({})).await.problem(404, "not_found");
    world.key().delete(path.trim_end_matches("/rotate")).await.ok();
    world.key().post(&path, &json!({})).await.problem(409, "conflict");
    let ends = json!({ "name": "ends", "scopes": ["proxy"], "expires_at": "2999-01-01T00:00:00Z" });
    let made = world.key().post("/v1/api-keys", &ends).await.ok();
    world.sql("UPDATE api_keys SET expires_at = now() - interval '1 day' WHERE name = 'ends'").await;
    let path = format!("/v1/api-keys/{}/rotate", made["key"]["id"].as_str().unwrap());
    world.key().post(&path, &json!({})).await.problem(409, "conflict");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn list_api_keys_tells_when_each_secret_was_last_used_without_a_write_per_call() {
    let world = World::start(Options::default()).await;
    let made = world
        .key()
        .post("/v1/api-keys", &json!({ "name": "busy", "scopes": ["keys:read", "connections:read"] }))
        .await
        .ok();
    let first = made["secret"].as_str().unwrap();
    let shown = async || {
        let listed = world.key().get("/v1/api-keys").await.ok();
        listed["data"].as_array().unwrap().iter().find(|row| row["name"] == "busy").unwrap().clone()
    };
    assert!(shown().await["last_used_at"].is_null());
    // What a row was written by: a transaction that wrote nothing leaves it.
    let written = async || world.one("SELECT xmin::text FROM api_keys WHERE name = 'busy'").await;
    let before = written().await;
    for _ in 0..50 {
        TenantKey::at(world.origin(), first).get("/v1/connections").await.ok();
    }
    assert_eq!(written().await, before, "a call writes nothing");
    world.write_key_uses().await;
    let used = shown().await["last_used_at"].as_str().unwrap().to_owned();
    let after = written().await;
    assert_ne!(after, before);
    world.write_key_uses().await;
    assert_eq!(written().await, after, "nothing is written of a key that was not used");
    // The old secret and the new one are told apart: one sees whether the old one is still in use.
    let path = format!("/v1/api-keys/{}/rotate", made["key"]["id"].as_str().unwrap());
    let second = world.key().post(&path, &json!({})).await.ok()["secret"].as_str().unwrap().to_owned();
    let row = shown().await;
    assert!(row["last_used_at"].is_null() && row["previous"]["last_used_at"] == used.as_str(), "{row}");
    world.clock().advance(chrono::TimeDelta::seconds(90));
    TenantKey::at(world.origin(), first).get("/v1/connections").await.ok();
    world.write_key_uses().await;
    let row = shown().await;
    assert!(
        row["last_used_at"].is_null() && row["previous"]["last_used_at"].as_str().unwrap() > used.as_str(),
        "{row}"
    );
    TenantKey::at(world.origin(), &second).get("/v1/connections").await.ok();
    world.write_key_uses().await;
    assert!(shown().await["last_used_at"].is_string());
    world.end().await;
}

#[test]
fn g_2_the_form_of_keys_is_told_to_secret_scanners() {
    let readme = std::fs::read_to_string(crate::support::root().join("README.md")).unwrap();
    assert!(
        readme.contains(domain::api_key::PATTERN),
        "README.md tells another pattern than {}",
        domain::api_key::PATTERN
    );
    // The program that the README gives to whoever has found one, run as it stands there.
    let program = readme.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a program");
    let entropy = patchbay::system::SystemEntropy::default();
    let keys: Vec<String> = (0..20).map(|_| domain::api_key::generate(&entropy).expose().to_owned()).collect();
    let mut text: String = keys.iter().map(|key| format!("key = \"{key}\"\n")).collect();
    let mut wrong = keys[0].clone();
    wrong.replace_range(20..21, if &wrong[20..21] == "x" { "y" } else { "x" });
    text.push_str(&format!("{wrong}\n{}\n", &keys[0][..49]));
    let mut child = std::process::Command::new("python3")
        .args(["-c", program])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().collect::<Vec<_>>(), keys);
}
