//! `/v1/connections`: end users' accounts.

use acme::Command;
use http::Method;
use serde_json::{Value, json};

use super::connected::{Connected, clones};
use crate::support::{Options, World};

#[tokio::test(flavor = "multi_thread")]
async fn list_connections_filters() {
    let Connected { world, connection, .. } = Connected::set().await;
    let key = world.key();
    let ids = async |query: &str| {
        let listed = key.get(&format!("/v1/connections{query}")).await.ok();
        listed["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for all in [
        "",
        "?end_user=merchant-1",
        "?integration=acme",
        "?health=active",
        "?integration=acme&end_user=merchant-1&health=active",
    ] {
        assert_eq!(ids(all).await, std::slice::from_ref(&connection), "{all}");
    }
    for none in ["?end_user=merchant-2", "?end_user=merchant", "?health=needs_reauth", "?health=active&end_user=x"] {
        assert_eq!(ids(none).await, Vec::<String>::new(), "{none}");
    }
    let unknown = key.get("/v1/connections?integration=nothing").await;
    assert!(unknown.status == 404 || unknown.ok()["data"].as_array().unwrap().is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c_9_update_connection_replaces_and_merges_tags_and_metadata() {
    let Connected { world, connection, .. } = Connected::set().await;
    let (key, path) = (world.key(), format!("/v1/connections/{connection}"));
    let change = async |body: Value| key.patch(&path, &body).await.ok();
    let tags = change(json!({ "tags": { "team": "south", "tier": "gold" } })).await["tags"].clone();
    assert_eq!(tags, json!({ "team": "south", "tier": "gold" }));
    let tags = change(json!({ "tags_merge": { "tier": null, "plan": "pro" } })).await["tags"].clone();
    assert_eq!(tags, json!({ "team": "south", "plan": "pro" }));
    change(json!({ "metadata": { "crm": { "id": 7, "owner": "Mo" } } })).await;
    let shown =
        change(json!({ "metadata_merge": { "crm": { "owner": null }, "note": "x" }, "end_user_name": "Tea House" }))
            .await;
    assert_eq!(shown["metadata"], json!({ "crm": { "id": 7 }, "note": "x" }));
    assert_eq!((&shown["tags"], &shown["end_user"]["name"]), (&tags, &json!("Tea House")));
    for (query, count) in [("team=south", 1), ("team=north", 0), ("plan=pro", 1), ("tier=gold", 0), ("south=team", 0)] {
        let listed = key.get(&format!("/v1/connections?tag={query}")).await.ok();
        assert_eq!(listed["data"].as_array().unwrap().len(), count, "{query}");
    }
    let events = "SELECT count(*) FROM events WHERE kind = 'connection.updated'";
    let told = world.one(events).await;
    change(json!({ "tags": tags })).await;
    assert_eq!(world.one(events).await, told, "what changes nothing is no change");
    for (field, wrong) in [
        ("tags", json!({ "tags": { "a=b": "c" } })),
        ("tags", json!({ "tags_merge": { "team": "" } })),
        (
            "tags",
            json!({ "tags": (0..21).map(|n| (n.to_string(), "x")).collect::<std::collections::BTreeMap<_, _>>() }),
        ),
        ("metadata", json!({ "metadata": { "long": "x".repeat(17_000) } })),
        ("metadata", json!({ "metadata": [] })),
        ("end_user_name", json!({ "end_user_name": " " })),
    ] {
        let answer = key.patch(&path, &wrong).await;
        assert!(answer.problem(422, "invalid_fields").fields[0].field.starts_with(field), "{answer}");
    }
    key.patch(&path, &json!({ "tags": {}, "tags_merge": {} })).await.problem(422, "invalid_fields");
    key.get("/v1/connections?tag=team").await.problem(422, "invalid_fields");
    // A refresh and a repair leave what was noted.
    world.connect_acme(&json!({ "id": shown["integration_id"] }), "merchant-1", "shop_north").await;
    let again = key.get(&path).await.ok();
    assert_eq!((&again["tags"], &again["metadata"]), (&tags, &shown["metadata"]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c_9_update_connections_changes_all_or_none() {
    let Connected { world, connection, .. } = Connected::set().await;
    let others = clones(&world, 3, "acme").await;
    let key = world.key();
    let all: Vec<&String> = others.iter().chain([&connection]).collect();
    let change = json!({ "tags_merge": { "tier": "gold" }, "metadata": { "crm": 7 } });
    let done = key.patch("/v1/connections", &json!({ "connections": all, "change": change })).await.ok();
    assert_eq!(done["matched"], 4);
    let mut changed: Vec<&str> = done["changed"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let mut sorted: Vec<&str> = all.iter().map(|id| id.as_str()).collect();
    changed.sort_unstable();
    sorted.sort_unstable();
    assert_eq!(changed, sorted);
    for id in &all {
        let shown = key.get(&format!("/v1/connections/{id}")).await.ok();
        assert_eq!((&shown["tags"], &shown["metadata"]), (&json!({ "tier": "gold" }), &json!({ "crm": 7 })));
    }
    // As if each had been changed alone; what is so already is not changed.
    let told = async || {
        let events = world.one("SELECT count(*) FROM events WHERE kind = 'connection.updated'").await;
        (events, world.one("SELECT count(DISTINCT subject) FROM audit WHERE action = 'connection.updated'").await)
    };
    assert_eq!(told().await, ("4".to_owned(), "4".to_owned()));
    let two =
        json!({ "connections": [connection, others[0], connection], "change": { "tags_merge": { "team": "south" } } });
    let done = key.patch("/v1/connections", &two).await.ok();
    assert_eq!((&done["matched"], done["changed"].as_array().unwrap().len()), (&json!(2), 2));
    let done = key.patch("/v1/connections", &json!({ "connections": all, "change": two["change"] })).await.ok();
    assert_eq!((&done["matched"], done["changed"].as_array().unwrap().len()), (&json!(4), 2), "{done}");
    assert_eq!(told().await.0, "8");
    // What is wrong with one is told by its place, and nothing of the others is changed.
    let nobody = ids::ConnectionId::from_uuid(uuid::Uuid::from_u128(1)).to_string();
    let heavy = json!({ "metadata": { "long": "x".repeat(16_000) } });
    key.patch(&format!("/v1/connections/{}", others[1]), &heavy).await.ok();
    for (named, change, place) in [
        (json!([connection, nobody]), json!({ "tags": {} }), "connections[1]"),
        (json!([connection, "x"]), json!({ "tags": {} }), "connections[1]"),
        (
            json!([connection, others[0], others[1]]),
            json!({ "metadata_merge": { "more": "y".repeat(500) } }),
            "connections[2]",
        ),
        (json!([connection]), json!({ "tags": { "a=b": "c" } }), "change.tags"),
        (json!([connection]), json!({ "metadata": [] }), "change.metadata"),
        (json!([]), json!({ "tags": {} }), "connections"),
    ] {
        let answer = key.patch("/v1/connections", &json!({ "connections": named, "change": change })).await;
        let problem = answer.problem(422, "invalid_fields");
        assert_eq!(problem.fields.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), [place], "{answer}");
    }
    assert_eq!(told().await.0, "9");
    let shown = key.get(&format!("/v1/connections/{connection}")).await.ok();
    assert_eq!(
        (&shown["tags"], &shown["metadata"]),
        (&json!({ "team": "south", "tier": "gold" }), &json!({ "crm": 7 }))
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_connection_tells_health_in_words() {
    let Connected { world, connection, .. } = Connected::set().await;
    let shown = world.key().get(&format!("/v1/connections/{connection}")).await.ok();
    assert_eq!(shown["health"]["state"], "active");
    assert!(!shown["health"]["reason"].as_str().unwrap().is_empty());
    assert_eq!(
        (shown["provider"].as_str(), shown["account_name"].as_str()),
        (Some("acme"), Some("Northwind Lanterns"))
    );
    assert_eq!(shown["end_user"]["id"], "merchant-1");
    assert_eq!(shown["last_run"]["state"], "succeeded");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_connection_credential_serves_a_token_that_the_provider_takes() {
    let Connected { world, connection, .. } = Connected::set().await;
    let answer = world.key().get(&format!("/v1/connections/{connection}/credential")).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer}");
    let shown = answer.ok();
    let token = shown["access_token"].as_str().unwrap();
    assert_eq!(shown["token_type"].as_str().unwrap().to_lowercase(), "bearer");
    let somebody = world.anonymous();
    let orders = format!("{}/v1/orders?limit=1", world.acme().origin());
    let request = somebody.request(http::Method::GET, &orders).header("authorization", &format!("Bearer {token}"));
    assert_eq!(request.send().await.ok()["data"].as_array().unwrap().len(), 1);
    assert!(!world.database().dump().await.contains(token), "SE-2: sealed in the database");
    assert!(!crate::support::captured().contains(token), "SE-2: in no log line");
    let again = world.key().get(&format!("/v1/connections/{connection}/credential")).await.ok();
    assert_eq!(again["access_token"], token, "a token that holds is not refreshed");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oa_8_delete_connection_revokes_at_the_provider_and_takes_the_records_along() {
    let Connected { world, connection, .. } = Connected::set().await;
    let key = world.key();
    let path = format!("/v1/connections/{connection}");
    let token = key.get(&format!("{path}/credential")).await.ok()["access_token"].as_str().unwrap().to_owned();
    let deleted = key.delete(&path).await;
    assert!([202, 204].contains(&deleted.status), "{deleted}");
    crate::support::until("the connection is gone", crate::support::PATIENCE, async || {
        (key.get(&path).await.status == 404).then_some(())
    })
    .await;
    for table in ["connections", "credentials", "syncs", "runs", "records"] {
        assert_eq!(world.one(&format!("SELECT count(*) FROM {table}")).await, "0", "{table}");
    }
    let somebody = world.anonymous();
    let orders = format!("{}/v1/orders", world.acme().origin());
    let request = somebody.request(http::Method::GET, &orders).header("authorization", &format!("Bearer {token}"));
    assert_eq!(request.send().await.status, 401, "the provider does not take the token any more");
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'connection.deleted'").await, "1");
    key.delete(&path).await.problem(404, "not_found");
    world.end().await;
}

// What the operation is called: `delete_connection`.
#[tokio::test(flavor = "multi_thread")]
async fn delete_connection_is_told_when_the_provider_is_away() {
    let Connected { world, connection, .. } = Connected::set().await;
    let away = r#"{"do":"misbehave","path":"/token/revocation","skip":0,"times":1,"fault":{"kind":"status","status":503,"retry_after":"1"}}"#;
    world.acme().control(serde_json::from_str(away).unwrap()).unwrap();
    let path = format!("/v1/connections/{connection}");
    let deleted = world.key().delete(&path).await;
    assert_eq!(deleted.status, 202, "it is retried: {deleted}");
    world.key().get(&format!("{path}/credential")).await.problem(409, "conflict");
    crate::support::until("the retry has worked", crate::support::PATIENCE, async || {
        world.clock().advance(chrono::TimeDelta::seconds(10));
        (world.key().get(&path).await.status == 404).then_some(())
    })
    .await;
    world.end().await;
}

/// A provider with keys, which Acme's tokens stand for here.
async fn key_integration(world: &World) -> Value {
    let origin = world.acme().origin();
    let manifest = format!(
        "schema = 1\nslug = \"keyed\"\nname = \"Keyed\"\ncategory = \"commerce\"\ndocs = \"https://docs.example\"\n\
         [variables.api_key]\ntype = \"secret\"\nlabel = \"API key\"\n[auth]\nmode = \"key\"\n\
         [api]\nbase_url = \"{origin}\"\ncredential = {{ headers = {{ Authorization = \"Bearer {{api_key}}\" }} }}\n\
         [identity]\nurl = \"/me\"\naccount = \"sub\"\nname = \"name\"\n"
    );
    let key = world.key();
    key.request(Method::PUT, "/v1/providers/keyed").json(&json!({ "manifest": manifest })).send().await.ok();
    world.key().post("/v1/integrations", &json!({ "provider": "keyed" })).await.ok()
}

/// Tokens of a shop, as its owner might have given them to another system before.
pub(super) fn mint(world: &World, shop: &str) -> Value {
    let mint = Command::Mint { client_id: "lamplight".into(), account: shop.into() };
    world.acme().control(mint).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn import_connection_tries_a_key_and_keeps_nothing_of_one_that_is_refused() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    key_integration(&world).await;
    let key = world.key();
    let good = mint(&world, "shop_north")["access_token"].as_str().unwrap().to_owned();
    let bring = |api_key: &str| {
        json!({ "integration": "keyed", "end_user": { "id": "merchant-1" }, "fields": { "api_key": api_key },
            "tags": { "from": "the old system" } })
    };
    let refused = key.post("/v1/connections", &bring("no-such-key")).await;
    let problem = refused.problem(422, "credential_refused");
    assert!(!problem.detail.contains("no-such-key"), "{refused}");
    for (wrong, field) in [
        (json!({ "integration": "keyed", "end_user": { "id": "m" }, "fields": {} }), "fields.api_key"),
        (
            json!({ "integration": "keyed", "end_user": { "id": "m" }, "fields": { "api_key": "k", "x": "y" } }),
            "fields.x",
        ),
        (json!({ "integration": "nothing", "end_user": { "id": "m" }, "fields": { "api_key": "k" } }), "integration"),
        (
            json!({ "integration": "keyed", "end_user": { "id": "m" }, "fields": { "api_key": "k" },
                "tokens": { "access_token": "t" } }),
            "tokens",
        ),
    ] {
        let answer = key.post("/v1/connections", &wrong).await;
        let problem = answer.problem(422, "invalid_fields");
        assert_eq!(problem.fields.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), [field], "{answer}");
    }
    for table in ["connections", "credentials"] {
        assert_eq!(world.one(&format!("SELECT count(*) FROM {table}")).await, "0", "{table}");
    }
    let made = key.post("/v1/connections", &bring(&good)).await;
    assert_eq!(made.status, 201, "{made}");
    assert!(!made.text().contains(&good), "{made}");
    let made = made.json();
    assert_eq!(
        (made["account"].as_str(), made["account_name"].as_str()),
        (Some("shop_north"), Some("Northwind Lanterns"))
    );
    assert_eq!((&made["health"]["state"], &made["tags"]["from"]), (&json!("active"), &json!("the old system")));
    let path = format!("/v1/connections/{}", made["id"].as_str().unwrap());
    let shown = key.get(&format!("{path}/credential")).await.ok();
    assert_eq!((&shown["mode"], &shown["fields"]["api_key"]), (&json!("key"), &json!(good)));
    assert!(shown.get("access_token").is_none(), "{shown}");
    assert!(!world.database().dump().await.contains(&good), "SE-2: sealed in the database");
    assert!(!crate::support::captured().contains(&good), "SE-2: in no log line");
    let call = key.request(Method::GET, "/v1/proxy/me").header("patchbay-connection", made["id"].as_str().unwrap());
    assert_eq!(call.send().await.ok()["sub"], "shop_north");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn import_connection_replaces_the_credential_of_its_own_account_alone() {
    let Connected { world, connection, .. } = Connected::set().await;
    let key = world.key();
    let path = format!("/v1/connections/{connection}/credential");
    let before = key.get(&path).await.ok();
    let records = world.one("SELECT count(*) FROM records").await;
    let tokens = mint(&world, "shop_north");
    let bring = |end_user: &str, tokens: &Value| {
        json!({ "integration": "acme", "end_user": { "id": end_user }, "connection_id": connection,
            "tokens": { "access_token": tokens["access_token"], "refresh_token": tokens["refresh_token"],
                "scopes": ["orders:read"] } })
    };
    let stranger = key.post("/v1/connections", &bring("merchant-2", &tokens)).await.problem(422, "invalid_fields");
    assert_eq!(stranger.fields[0].field, "connection_id");
    let other = mint(&world, "shop_south");
    let refused = key.post("/v1/connections", &bring("merchant-1", &other)).await;
    refused.problem(422, "credential_refused");
    assert_eq!(key.get(&path).await.ok(), before, "what was refused changed nothing");
    let replaced = key.post("/v1/connections", &bring("merchant-1", &tokens)).await.ok();
    assert_eq!(replaced["id"], json!(connection));
    let after = key.get(&path).await.ok();
    assert_eq!(after["access_token"], tokens["access_token"]);
    assert_eq!(after["scopes"], json!(["orders:read"]));
    world.synced(&connection).await;
    assert_eq!(world.one("SELECT count(*) FROM records").await, records);
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "1");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_connection_shows_what_it_waits_for() {
    let Connected { world, connection, .. } = Connected::set().await;
    let away = r#"{"do":"misbehave","path":"/token/revocation","skip":0,"times":1,"fault":{"kind":"status","status":503,"retry_after":"1"}}"#;
    world.acme().control(serde_json::from_str(away).unwrap()).unwrap();
    let path = format!("/v1/connections/{connection}");
    assert_eq!(world.key().delete(&path).await.status, 202);
    let shown = world.key().get(&path).await.ok();
    assert_eq!((&shown["health"]["state"], &shown["revocation"]["state"]), (&json!("deleting"), &json!("pending")));
    let revocation = &shown["revocation"];
    assert!(
        revocation["reason"].as_str().unwrap().contains("503")
            || revocation["reason"].as_str().unwrap().contains("fails"),
        "{shown}"
    );
    assert_eq!(revocation["tries"], 1);
    assert!(revocation["next_try_at"].is_string(), "{shown}");
    crate::support::until("the retry has worked", crate::support::PATIENCE, async || {
        world.clock().advance(chrono::TimeDelta::seconds(10));
        (world.key().get(&path).await.status == 404).then_some(())
    })
    .await;
    let listed = world.key().get(&format!("/v1/revocations?connection={connection}")).await.ok();
    assert_eq!((&listed["data"][0]["state"], &listed["data"][0]["tries"]), (&json!("revoked"), &json!(1)));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revoke_connection_wipes_the_credential_and_keeps_the_rest() {
    let Connected { world, connection, .. } = Connected::set().await;
    let key = world.key();
    let path = format!("/v1/connections/{connection}");
    let token = key.get(&format!("{path}/credential")).await.ok()["access_token"].as_str().unwrap().to_owned();
    let records = world.one("SELECT count(*) FROM records").await;
    let shown = key.post(&format!("{path}/revoke"), &json!({})).await.ok();
    assert_eq!((&shown["health"]["state"], &shown["revocation"]["state"]), (&json!("revoked"), &json!("revoked")));
    assert_eq!(world.one("SELECT count(*) FROM credentials").await, "0");
    assert_eq!(world.one("SELECT count(*) FROM records").await, records);
    let somebody = world.anonymous();
    let orders = format!("{}/v1/orders", world.acme().origin());
    let request = somebody.request(Method::GET, &orders).header("authorization", &format!("Bearer {token}"));
    assert_eq!(request.send().await.status, 401, "the provider does not take the token any more");
    key.get(&format!("{path}/credential")).await.problem(409, "conflict");
    // Asking again changes nothing, and deleting it keeps what is known of its grant.
    key.post(&format!("{path}/revoke"), &json!({})).await.ok();
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'connection.revoked'").await, "1");
    assert_eq!(world.one("SELECT count(*) FROM audit WHERE action = 'connection.revoked'").await, "1");
    assert_eq!(key.delete(&path).await.status, 204);
    let listed = key.get(&format!("/v1/revocations?connection={connection}")).await.ok();
    assert_eq!(listed["data"][0]["state"], "revoked");
    key.post(&format!("{path}/revoke"), &json!({})).await.problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn export_connections_takes_a_scope_of_its_own_and_is_audited() {
    let Connected { world, connection, .. } = Connected::set().await;
    let key = age::x25519::Identity::generate();
    let wish = json!({ "recipient": key.to_public().to_string(), "integration": "acme" });
    let narrow = world.key_with(&["credentials:read", "connections:read", "connections:write"]).await;
    narrow.post("/v1/exports", &wish).await.problem(403, "missing_scope");
    let answer = world.key_with(&["credentials:export"]).await.post("/v1/exports", &wish).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{answer}");
    assert!(answer.body.starts_with(b"age-encryption.org/v1\n"));
    let plain = crate::bulk::decrypt(&answer.body, &key).unwrap();
    let row: Value = serde_json::from_str(plain.trim()).unwrap();
    assert_eq!((&row["connection_id"], &row["integration"]), (&json!(connection), &json!("acme")));
    let token = world.key().get(&format!("/v1/connections/{connection}/credential")).await.ok()["access_token"].clone();
    assert_eq!(row["tokens"]["access_token"], token);
    assert!(row["tokens"]["refresh_token"].is_string());
    let audited = "SELECT detail->>'connections' FROM audit WHERE action = 'connections.exported'";
    assert_eq!(world.one(audited).await, "1");
    for (wrong, field) in [
        (json!({ "recipient": "age1x" }), "recipient"),
        (json!({ "recipient": wish["recipient"], "integration": "nothing" }), "integration"),
    ] {
        let problem = world.key().post("/v1/exports", &wrong).await.problem(422, "invalid_fields");
        assert_eq!(problem.fields[0].field, field);
    }
    world.end().await;
}
