//! A real product with an API behind JSON web tokens, a plugin and webhooks: Ghost, set up by its own API, connected, synced,
//! and heard of by its own webhooks.

use std::{collections::BTreeMap, path::PathBuf, process::Command, time::Duration};

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

    /// How many rows its own database has in a table, asked behind its back.
    fn rows(&self, table: &str) -> usize {
        const SCRIPT: &str = "const file = new (require('libsql'))(process.argv[1]); \
             console.log(file.prepare('SELECT count(*) AS n FROM ' + process.argv[2]).get().n)";
        let mut asked = Command::new("node");
        asked.current_dir(root().join("tests/ghost")).args(["-e", SCRIPT]);
        let said = asked.arg(self.folder.join("data/ghost.db")).arg(table).output().unwrap();
        let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        text.parse().unwrap_or_else(|_| panic!("{table}: {text} {}", String::from_utf8_lossy(&said.stderr)))
    }

    /// Its owner changes a post's title.
    async fn retitle(&self, post: &str, title: &str) {
        let path = format!("/ghost/api/admin/posts/{post}/");
        let known = self.owner.get(&path).await.ok();
        let change = json!({ "posts": [{ "title": title, "updated_at": known["posts"][0]["updated_at"] }] });
        self.owner.request(Method::PUT, &path).json(&change).send().await.ok();
    }

    async fn add_member(&self, email: &str) -> String {
        let wish = json!({ "members": [{ "email": email, "name": "Noor" }] });
        let made = self.owner.post("/ghost/api/admin/members/", &wish).await.ok();
        made["members"][0]["id"].as_str().unwrap().to_owned()
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

/// The records of a stream that are there, by id.
async fn records(world: &World, connection: &str, stream: &str) -> BTreeMap<String, Value> {
    let records = world.records(connection, stream).await.into_iter().filter(|record| record["deleted_at"].is_null());
    records.map(|record| (record["id"].as_str().unwrap().to_owned(), record["data"].clone())).collect()
}

/// What is synced is what Ghost's own database has; then Ghost tells of changes, and they arrive without any schedule.
async fn synced_live(world: &World, ghost: &Ghost, connection: &str) {
    world.synced(connection).await;
    // Something was written since the connection was made.
    let syncs = world.key().get(&format!("/v1/syncs?connection={connection}")).await.ok();
    for sync in syncs["data"].as_array().unwrap() {
        world.key().post(&format!("/v1/syncs/{}/trigger", sync["id"].as_str().unwrap()), &Value::Null).await.ok();
    }
    for (stream, table) in [("posts", "posts WHERE type = 'post'"), ("members", "members"), ("tags", "tags")] {
        let theirs = ghost.rows(table);
        assert!(theirs > 0, "{stream}: nothing was compared");
        until("as many records as there are rows", PATIENCE, async || {
            (records(world, connection, stream).await.len() == theirs).then_some(())
        })
        .await;
    }

    // Its webhooks, made by the tenant through the proxy, with the URL that we listen at.
    const SECRET: &str = "what Ghost signs its webhooks with";
    let path = format!("/v1/connections/{connection}/webhook");
    let hook = world.key().request(Method::PUT, &path).json(&json!({ "secret": SECRET })).send().await.ok();
    for event in ["post.added", "post.edited", "post.deleted", "member.added", "member.deleted", "tag.added"] {
        let wish =
            json!({ "webhooks": [{ "event": event, "target_url": hook["url"], "name": event, "secret": SECRET }] });
        let made = call(world, connection, Method::POST, "webhooks/", Some(&wish)).await;
        assert_eq!(made.status, 201, "{made}");
    }
    let waiting = "SELECT count(*) FROM jobs WHERE queue = 'sync_run'";
    until("what was triggered has run", PATIENCE, async || (world.one(waiting).await == "0").then_some(())).await;
    let scheduled = world.one("SELECT count(*) FROM runs WHERE trigger <> 'webhook'").await;

    let (id, before) = records(world, connection, "posts").await.pop_first().unwrap();
    let title = format!("{}, changed by its owner", before["title"].as_str().unwrap());
    ghost.retitle(&id, &title).await;
    until("the change has arrived", PATIENCE, async || {
        (records(world, connection, "posts").await[&id]["title"] == title.as_str()).then_some(())
    })
    .await;
    let member = ghost.add_member("noor@lamplight.example").await;
    until("the new member has arrived", PATIENCE, async || {
        records(world, connection, "members").await.contains_key(&member).then_some(())
    })
    .await;
    assert_eq!(ghost.owner.delete(&format!("/ghost/api/admin/posts/{id}/")).await.status, 204);
    assert_eq!(ghost.owner.delete(&format!("/ghost/api/admin/members/{member}/")).await.status, 204);
    until("what is gone is gone here", PATIENCE, async || {
        let posts = records(world, connection, "posts").await;
        let members = records(world, connection, "members").await;
        (!posts.contains_key(&id) && !members.contains_key(&member)).then_some(())
    })
    .await;
    assert_eq!(records(world, connection, "posts").await.len(), ghost.rows("posts WHERE type = 'post'"));
    let listed = world.key().get("/v1/inbound-webhooks").await.ok();
    let routed = listed["data"].as_array().unwrap().iter().filter(|one| one["state"] == "routed").count();
    assert!(routed >= 4, "a change, a member and two deletions: {listed}");
    assert_eq!(
        world.one("SELECT count(*) FROM runs WHERE trigger <> 'webhook'").await,
        scheduled,
        "no schedule did it"
    );

    // One that somebody else signs is not believed.
    let forged = json!({ "post": { "current": { "id": id } } });
    let refused = world.anonymous().post(hook["url"].as_str().unwrap(), &forged).await;
    refused.problem(401, "unauthenticated");
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
    for number in 0..3 {
        ghost.add_member(&format!("reader-{number}@lamplight.example")).await;
    }
    let integration = world.key().post("/v1/integrations", &json!({ "provider": "ghost" })).await.ok();
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

    synced_live(&world, &ghost, &connection).await;

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
