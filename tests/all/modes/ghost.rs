//! A real product with an API behind JSON web tokens: Ghost, set up by its own API, connected with its catalogue entry.

use std::{path::PathBuf, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use http::Method;
use serde_json::{Value, json};

use super::{call, connected};
use crate::support::*;

const OWNER: &str = "ada@lamplight.example";
const PASSWORD: &str = "lanterns over the harbour";

/// A Ghost of this test's own, with its owner signed in.
struct Ghost {
    process: Child,
    folder: PathBuf,
    origin: String,
    owner: Caller,
}

/// A custom integration in Ghost: what its owner makes and copies the key from.
struct Custom {
    id: String,
    key_id: String,
    /// What the owner copies: id and secret.
    key: String,
}

impl Ghost {
    async fn start() -> Self {
        let folder = root().join("target/tests").join(format!("ghost-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let at = folder.to_str().unwrap().to_owned();
        let started = tokio::task::spawn_blocking(move || start_node("ghost", &[("FOLDER", &at)]));
        let (process, origin) = started.await.unwrap();
        let owner = Caller::new(&origin).with_cookies().with_header("origin", &origin);
        let wish =
            json!({ "name": "Ada Okafor", "email": OWNER, "password": PASSWORD, "blogTitle": "Lamplight Journal" });
        let setup = json!({ "setup": [wish] });
        owner.post("/ghost/api/admin/authentication/setup/", &setup).await.ok();
        let session =
            owner.post("/ghost/api/admin/session/", &json!({ "username": OWNER, "password": PASSWORD })).await;
        assert_eq!(session.status, 201, "{session}");
        Self { process, folder, origin, owner }
    }

    async fn custom_integration(&self) -> Custom {
        let wish = json!({ "integrations": [{ "name": "Patchbay" }] });
        let made = self.owner.post("/ghost/api/admin/integrations/?include=api_keys", &wish).await.ok();
        let made = &made["integrations"][0];
        let keys = made["api_keys"].as_array().unwrap();
        let admin = keys.iter().find(|key| key["type"] == "admin").unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Custom { id: text(&made["id"]), key_id: text(&admin["id"]), key: text(&admin["secret"]) }
    }

    /// Its owner withdraws the key and gets another.
    async fn another_key(&self, custom: &Custom) -> String {
        let path = format!("/ghost/api/admin/integrations/{}/api_key/{}/refresh/", custom.id, custom.key_id);
        let changed = self.owner.post(&path, &json!({ "integrations": [{ "id": custom.id }] })).await.ok();
        let keys = changed["integrations"][0]["api_keys"].as_array().unwrap();
        keys.iter().find(|key| key["type"] == "admin").unwrap()["secret"].as_str().unwrap().to_owned()
    }

    /// The titles of its posts as its owner sees them.
    async fn titles(&self) -> Vec<String> {
        let posts = self.owner.get("/ghost/api/admin/posts/?limit=all&fields=title").await.ok();
        posts["posts"].as_array().unwrap().iter().map(|post| post["title"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Ghost {
    fn drop(&mut self) {
        self.process.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The catalogue's entry as it is, for the tenant's environment.
async fn ghost_integration(world: &World) -> Value {
    let manifest = std::fs::read_to_string(root().join("plugins/catalog/ghost.toml")).unwrap();
    let key = world.key();
    key.request(Method::PUT, "/v1/providers/ghost").json(&json!({ "manifest": manifest })).send().await.ok();
    world.key().post("/v1/integrations", &json!({ "provider": "ghost" })).await.ok()
}

/// The token that goes along, and when it was signed.
async fn token(world: &World, connection: &str) -> (String, i64) {
    let shown = world.key().get(&format!("/v1/connections/{connection}/credential")).await.ok();
    let token = shown["access_token"].as_str().unwrap().to_owned();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    (token, claims["iat"].as_i64().unwrap())
}

/// The key with another last digit.
fn mistyped(key: &str) -> String {
    let (rest, last) = key.split_at(key.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

// One test, because a Ghost takes ten seconds to start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_8_ghost_from_the_form_and_the_import_to_posts_in_its_database() {
    let (world, ghost) = tokio::join!(World::start(Options::default()), Ghost::start());
    let custom = ghost.custom_integration().await;
    let integration = ghost_integration(&world).await;
    let (session, browser) = ConnectBrowser::open(&world.key(), world.origin(), "merchant-17").await;
    let entry =
        |key: &str| json!({ "integration_id": integration["id"], "fields": { "site": ghost.origin, "api_key": key } });

    // What is no key is told from one that Ghost refuses, and then in Ghost's own words.
    let odd = browser.post("/connect/api/entry", &entry("not a key")).await.problem(422, "invalid_fields");
    assert_eq!(odd.fields.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), ["fields.api_key"]);
    let wrong = mistyped(&custom.key);
    let refused = browser.post("/connect/api/entry", &entry(&wrong)).await.problem(422, "credential_refused");
    let said = refused.provider_said.as_deref().unwrap_or_default();
    assert!(said.contains("Invalid token") && refused.detail.contains(said), "Ghost's own words: {refused:?}");
    let secret = wrong.split_once(':').unwrap().1;
    assert!(!refused.detail.contains(secret));
    let unknown = format!("{}:{secret}", "0".repeat(24));
    let refused = browser.post("/connect/api/entry", &entry(&unknown)).await.problem(422, "credential_refused");
    assert!(refused.detail.contains("Unknown Admin API Key"), "Ghost's own words: {}", refused.detail);
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "0", "nothing is stored of what was refused");

    // The form.
    let entered = browser.post("/connect/api/entry", &entry(&custom.key)).await;
    assert_eq!(entered.status, 201, "{entered}");
    let connection = connected(&world, &session).await;
    assert_eq!(entered.ok()["connection_id"], json!(connection));
    let shown = world.key().get(&format!("/v1/connections/{connection}")).await.ok();
    assert_eq!(shown["account_name"], "Lamplight Journal", "{shown}");

    // Reading and writing through the proxy; what was written is in Ghost.
    let posts = call(&world, &connection, Method::GET, "posts/?limit=1", None).await.ok();
    assert_eq!(posts["meta"]["pagination"]["limit"], 1, "{posts}");
    let title = "A lantern for every porch";
    let post = json!({ "posts": [{ "title": title, "html": "<p>They arrived.</p>", "status": "published" }] });
    let made = call(&world, &connection, Method::POST, "posts/?source=html", Some(&post)).await;
    assert_eq!(made.status, 201, "{made}");
    assert!(ghost.titles().await.contains(&title.to_owned()));

    // A token holds for five minutes and is signed anew after.
    let (first, signed) = token(&world, &connection).await;
    assert_eq!(token(&world, &connection).await.0, first, "one that holds is not signed again");
    world.clock().advance(TimeDelta::minutes(6));
    let (second, signed_anew) = token(&world, &connection).await;
    assert!(second != first && signed_anew - signed >= 300, "{signed}, then {signed_anew}");
    call(&world, &connection, Method::GET, "posts/?limit=1", None).await.ok();
    let key_secret = custom.key.split_once(':').unwrap().1;
    let dump = world.database().dump().await;
    assert!(!dump.contains(key_secret) && !dump.contains(&second), "SE-2: sealed in the database");
    assert!(!captured().contains(key_secret) && !captured().contains(&second), "SE-2: in no log line");

    // The owner withdraws the key: Ghost refuses, and the end user connects again with the next one.
    let next = ghost.another_key(&custom).await;
    let refused = call(&world, &connection, Method::GET, "posts/?limit=1", None).await;
    assert_eq!(refused.status, 401, "{refused}");
    let wish = json!({ "end_user": { "id": "merchant-17" }, "connection_id": connection });
    let again = world.key().post("/v1/connect/sessions", &wish).await.ok();
    let browser = ConnectBrowser::at(world.origin(), again["token"].as_str().unwrap());
    let stale = json!({ "integration_id": integration["id"], "fields": { "api_key": custom.key } });
    browser.post("/connect/api/entry", &stale).await.problem(422, "credential_refused");
    let fresh = json!({ "integration_id": integration["id"], "fields": { "api_key": next } });
    let repaired = browser.post("/connect/api/entry", &fresh).await.ok();
    assert_eq!(repaired["connection_id"], json!(connection), "the site is known, and the connection is the same");
    until("calls get through again", Duration::from_secs(10), async || {
        (call(&world, &connection, Method::GET, "posts/?limit=1", None).await.status == 200).then_some(())
    })
    .await;

    // The import.
    let bring = |key: &str| {
        json!({ "integration": "ghost", "end_user": { "id": "merchant-18" },
            "fields": { "site": ghost.origin, "api_key": key } })
    };
    world.key().post("/v1/connections", &bring(&custom.key)).await.problem(422, "credential_refused");
    let brought = world.key().post("/v1/connections", &bring(&next)).await.ok();
    let brought = brought["id"].as_str().unwrap();
    assert_ne!(brought, connection);
    assert!(call(&world, brought, Method::GET, "posts/?limit=1", None).await.ok()["posts"].is_array());
    world.end().await;
}
