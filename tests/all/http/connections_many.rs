//! Many connections changed at once: which ones are meant, and who is told.

use serde_json::{Value, json};

use super::connected::{Connected, clones};
use crate::support::{Sink, TenantKey, World};

const PATH: &str = "/v1/connections";

/// How many connections bear a tag.
async fn bearing(world: &World, tag: &str) -> String {
    let (name, value) = tag.split_once('=').unwrap();
    world.one(&format!("SELECT count(*) FROM connections WHERE tags->>'{name}' = '{value}'")).await
}

fn ids(answer: &Value) -> Vec<String> {
    let mut ids: Vec<_> =
        answer["changed"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn c_9_connections_are_meant_by_what_they_have_in_common() {
    let Connected { world, connection, .. } = Connected::set().await;
    let key = world.key();
    let origin = world.acme().origin();
    let wish = json!({ "provider": "acme", "slug": "second", "client_id": "c", "client_secret": "s",
        "variables": { "auth": origin, "api": origin } });
    key.post("/v1/integrations", &wish).await.ok();
    let (mut here, mut there) = (clones(&world, 2, "acme").await, clones(&world, 2, "second").await);
    here.push(connection);
    here.sort();
    there.sort();
    world.sql("UPDATE connections SET health = 'paused' WHERE end_user_id = 'merchant-3'").await;
    let change = async |matching: Value, tag: &str| {
        let change = json!({ "tags_merge": { "by": tag } });
        key.patch(PATH, &json!({ "matching": matching, "change": change })).await.ok()
    };
    assert_eq!(ids(&change(json!({ "integration": "second" }), "integration").await), there);
    assert_eq!(ids(&change(json!({ "tag": "by=integration" }), "tag").await), there);
    assert_eq!(ids(&change(json!({ "end_user": "merchant-2" }), "end_user").await).len(), 2);
    assert_eq!(ids(&change(json!({ "health": "paused" }), "health").await).len(), 2);
    let both = change(json!({ "integration": "acme", "health": "paused", "end_user": "merchant-3" }), "all").await;
    assert_eq!((&both["matched"], ids(&both).len()), (&json!(1), 1));
    let none = change(json!({ "tag": "by=nothing" }), "none").await;
    assert_eq!((&none["matched"], &none["changed"]), (&json!(0), &json!([])));
    for (tag, count) in [("by=health", "1"), ("by=all", "1"), ("by=end_user", "2"), ("by=tag", "0"), ("by=none", "0")] {
        assert_eq!(bearing(&world, tag).await, count, "{tag}");
    }
    // Who says nothing does not mean everything, nor does who mistypes a word.
    for (field, matching) in [
        ("matching", json!({})),
        ("matching.integration", json!({ "integration": "nothing" })),
        ("matching.tag", json!({ "tag": "by" })),
        ("matching.health", json!({ "health": "well" })),
        ("matching.tags", json!({ "integration": "acme", "tags": "by=health" })),
    ] {
        let wish = json!({ "matching": matching, "change": { "tags": { "by": "mistake" } } });
        let answer = key.patch(PATH, &wish).await;
        assert_eq!(answer.problem(422, "invalid_fields").fields[0].field, field, "{answer}");
    }
    for wish in [
        json!({ "change": { "tags": {} } }),
        json!({ "connections": here, "matching": { "integration": "acme" }, "change": { "tags": {} } }),
        json!({ "connections": here, "change": { "tags": {}, "tags_merge": {} } }),
    ] {
        key.patch(PATH, &wish).await.problem(422, "invalid_fields");
    }
    assert_eq!(bearing(&world, "by=mistake").await, "0");
    // One of them cannot be changed so: it is named, since there is no list that it has a place in.
    let heavy = json!({ "metadata": { "long": "x".repeat(16_000) } });
    key.patch(&format!("{PATH}/{}", there[0]), &heavy).await.ok();
    let wish =
        json!({ "matching": { "integration": "second" }, "change": { "metadata_merge": { "more": "y".repeat(500) } } });
    let problem = key.patch(PATH, &wish).await.problem(422, "invalid_fields");
    assert_eq!(problem.fields.len(), 1);
    assert!(problem.fields[0].detail.contains(&there[0]), "{problem:?}");
    assert_eq!(world.one("SELECT count(*) FROM connections WHERE metadata ? 'more'").await, "0");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c_9_a_thousand_are_changed_at_once_and_no_more() {
    let Connected { world, connection, .. } = Connected::set().await;
    let key = world.key();
    let mut all = clones(&world, 999, "acme").await;
    all.push(connection);
    let wish = |named: &[String], tag: &str| json!({ "connections": named, "change": { "tags": { "turn": tag } } });
    let done = key.patch(PATH, &wish(&all, "first")).await.ok();
    assert_eq!((&done["matched"], ids(&done).len()), (&json!(1000), 1000));
    assert_eq!(bearing(&world, "turn=first").await, "1000");
    let common = json!({ "matching": { "integration": "acme" }, "change": { "tags": { "turn": "second" } } });
    assert_eq!(ids(&key.patch(PATH, &common).await.ok()).len(), 1000);
    all.extend(clones(&world, 1, "acme").await);
    let refused = key.patch(PATH, &wish(&all, "third")).await.problem(422, "invalid_fields");
    assert_eq!(refused.fields[0].field, "connections");
    let refused = key.patch(PATH, &common).await.problem(422, "invalid_fields");
    assert_eq!(refused.fields[0].field, "matching");
    assert_eq!(bearing(&world, "turn=third").await, "0");
    assert_eq!(bearing(&world, "turn=second").await, "1001", "the last one was made like the others");
    // Of very many that are not there, the first hundred are told.
    let nobody = |n: u128| ids::ConnectionId::from_uuid(uuid::Uuid::from_u128(n)).to_string();
    let missing: Vec<String> = (1..=150).map(nobody).collect();
    let refused = key.patch(PATH, &wish(&missing, "never")).await.problem(422, "invalid_fields");
    let places: Vec<&str> = refused.fields.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(
        (places.len(), places[0], places[99], places[100]),
        (101, "connections[0]", "connections[99]", "connections")
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g_2_a_bound_key_changes_those_in_its_reach_and_keeps_them_there() {
    let Connected { world, connection, .. } = Connected::set().await;
    let others = clones(&world, 2, "acme").await;
    let south = json!({ "connections": [connection, others[0]], "change": { "tags": { "team": "south" } } });
    world.key().patch(PATH, &south).await.ok();
    let wish = json!({ "name": "south", "scopes": ["connections:read", "connections:write"], "only": { "tags": ["team=south", "team=west"] } });
    let secret = world.key().post("/v1/api-keys", &wish).await.ok()["secret"].as_str().unwrap().to_owned();
    let bound = TenantKey::at(world.origin(), &secret);
    let gold = json!({ "tags_merge": { "tier": "gold" } });
    let outside = json!({ "connections": [connection, others[1], others[0]], "change": gold });
    let refused = bound.patch(PATH, &outside).await.problem(422, "invalid_fields");
    assert_eq!(refused.fields.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), ["connections[1]"]);
    assert_eq!(bearing(&world, "tier=gold").await, "0");
    let inside = bound.patch(PATH, &json!({ "matching": { "integration": "acme" }, "change": gold })).await.ok();
    assert_eq!((&inside["matched"], bearing(&world, "tier=gold").await.as_str()), (&json!(2), "2"));
    // Out of its reach it puts none, into another part of it any.
    for change in [json!({ "tags": {} }), json!({ "tags_merge": { "team": "north" } })] {
        let wish = json!({ "connections": [others[0], connection], "change": change });
        let refused = bound.patch(PATH, &wish).await.problem(422, "invalid_fields");
        let places: Vec<&str> = refused.fields.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(places, ["connections[0]", "connections[1]"], "{change}");
    }
    assert_eq!(bearing(&world, "team=south").await, "2");
    let west = json!({ "matching": { "tag": "team=south" }, "change": { "tags_merge": { "team": "west" } } });
    assert_eq!(ids(&bound.patch(PATH, &west).await.ok()).len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c_9_endpoints_are_told_of_each_that_changes() {
    let Connected { world, connection, .. } = Connected::set().await;
    let (sink, deaf) = (Sink::start().await, Sink::start().await);
    let key = world.key();
    key.post("/v1/endpoints", &json!({ "url": sink.url() })).await.ok();
    key.post("/v1/endpoints", &json!({ "url": deaf.url(), "events": ["connection.deleted"] })).await.ok();
    let mut all = clones(&world, 4, "acme").await;
    all.push(connection.clone());
    // In the memory of the server, where it is to be forgotten.
    let credential = format!("{PATH}/{connection}/credential");
    key.get(&credential).await.ok();
    let wish = json!({ "name": "gold", "scopes": ["credentials:read"], "only": { "tags": ["tier=gold"] } });
    let secret = key.post("/v1/api-keys", &wish).await.ok()["secret"].as_str().unwrap().to_owned();
    let gold = TenantKey::at(world.origin(), &secret);
    gold.get(&credential).await.problem(404, "not_found");
    let change = json!({ "tags": { "tier": "gold" }, "end_user_name": " Tea House " });
    key.patch(PATH, &json!({ "connections": all, "change": change })).await.ok();
    gold.get(&credential).await.ok();
    let posted = sink.wait_for("connection.updated", 5).await;
    let mut heard: Vec<String> =
        posted.iter().map(|one| one.json()["data"]["connection_id"].as_str().unwrap().to_owned()).collect();
    heard.sort();
    all.sort();
    assert_eq!(heard, all);
    let data = &posted[0].json()["data"];
    assert_eq!(data["changed"], json!(["end_user_name", "tags"]));
    assert!(data["end_user_id"].as_str().unwrap().starts_with("merchant-"), "{data}");
    assert!(deaf.posted().is_empty());
    let shown = key.get(&format!("{PATH}/{connection}")).await.ok();
    assert_eq!(shown["end_user"]["name"], "Tea House");
    world.end().await;
}
