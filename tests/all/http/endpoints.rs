//! `/v1/endpoints`: who is told of events.

use serde_json::{Value, json};

use crate::support::{Options, Sink, World};

#[tokio::test(flavor = "multi_thread")]
async fn create_endpoint_shows_the_signing_secret_once() {
    let world = World::start(Options::default()).await;
    let wish = json!({ "url": "http://127.0.0.1:9/hooks", "description": "ours", "events": ["sync.succeeded", "sync.failed"] });
    let made = world.key().post("/v1/endpoints", &wish).await;
    assert_eq!(made.status, 201, "{made}");
    assert_eq!(made.header("cache-control"), Some("no-store"), "{made}");
    let made = made.json();
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"), "{made}");
    let events = made["endpoint"]["events"].as_array().unwrap();
    assert!(
        events.len() == 2 && wish["events"].as_array().unwrap().iter().all(|event| events.contains(event)),
        "{made}"
    );
    let bare = secret.trim_start_matches("whsec_");
    assert!(!world.database().dump().await.contains(bare), "sealed in the database");
    let path = format!("/v1/endpoints/{}", made["endpoint"]["id"].as_str().unwrap());
    assert!(!world.key().get(&path).await.text().contains(bare));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn create_endpoint_names_what_is_wrong() {
    let world = World::start(Options::default()).await;
    for (field, wrong) in [
        ("url", json!({ "url": "" })),
        ("url", json!({ "url": "not a url" })),
        ("url", json!({ "url": "ftp://127.0.0.1/x" })),
        ("url", json!({ "url": "http://user:password@127.0.0.1/x" })),
        ("url", json!({ "url": format!("http://127.0.0.1/{}", "x".repeat(5000)) })),
        ("events", json!({ "url": "http://127.0.0.1:9/x", "events": [] })),
        ("description", json!({ "url": "http://127.0.0.1:9/x", "description": "x".repeat(5000) })),
    ] {
        let answer = world.key().post("/v1/endpoints", &wrong).await;
        let problem = answer.problem(422, "invalid_fields");
        assert!(problem.fields.iter().any(|one| one.field == field), "{field}: {answer}");
    }
    let answer =
        world.key().post("/v1/endpoints", &json!({ "url": "http://127.0.0.1:9/x", "events": ["sync.exploded"] })).await;
    assert!(answer.problem(422, "invalid_fields").detail.contains("sync.exploded"), "{answer}");
    assert_eq!(world.one("SELECT count(*) FROM endpoints").await, "0");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eg_1_create_endpoint_refuses_addresses_inside() {
    let world = World::start(Options::default()).await;
    for url in [
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/x",
        "http://[fd00:ec2::254]/x",
        "https://0x0a000001/x",
    ] {
        let answer = world.key().post("/v1/endpoints", &json!({ "url": url })).await;
        answer.problem(422, "invalid_fields");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_endpoint_list_endpoints_and_delete_endpoint() {
    let world = World::start(Options::default()).await;
    let mut ids = Vec::new();
    for number in 0..3 {
        let made =
            world.key().post("/v1/endpoints", &json!({ "url": format!("http://127.0.0.1:9/{number}") })).await.ok();
        ids.push(made["endpoint"]["id"].as_str().unwrap().to_owned());
    }
    let mut listed =
        super::edge::walk(&world.key(), "/v1/endpoints?limit=2", |one| one["id"].as_str().unwrap().to_owned()).await;
    listed.sort();
    ids.sort();
    assert_eq!(listed, ids);
    let path = format!("/v1/endpoints/{}", ids[0]);
    assert_eq!(world.key().get(&path).await.ok()["url"], "http://127.0.0.1:9/0");
    assert_eq!(world.key().delete(&path).await.status, 204);
    world.key().get(&path).await.problem(404, "not_found");
    world.key().delete(&path).await.problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn test_endpoint_posts_a_signed_event() {
    let world = World::start(Options::default()).await;
    let sink = Sink::start().await;
    let made = world.key().post("/v1/endpoints", &json!({ "url": sink.url() })).await.ok();
    let path = format!("/v1/endpoints/{}/test", made["endpoint"]["id"].as_str().unwrap());
    let answer = world.key().post(&path, &Value::Null).await;
    assert_eq!(answer.status, 202, "{answer}");
    assert_eq!(answer.json()["event"], "endpoint.test");
    let posted = sink.wait_for("endpoint.test", 1).await;
    posted[0].verify(made["secret"].as_str().unwrap()).unwrap();
    assert!(posted[0].verify("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").is_err(), "not by any secret");
    world.end().await;
}
