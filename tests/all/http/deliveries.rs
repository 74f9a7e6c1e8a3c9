//! `/v1/deliveries`: each telling of an event, its tries, and telling it once more.

use serde_json::{Value, json};

use crate::support::{Options, PATIENCE, Sink, World, until};

#[tokio::test(flavor = "multi_thread")]
async fn replay_delivery_tells_the_same_event_again_and_list_delivery_attempts_shows_both() {
    let world = World::start(Options::default()).await;
    let sink = Sink::start().await;
    let made = world.key().post("/v1/endpoints", &json!({ "url": sink.url() })).await.ok();
    let endpoint = made["endpoint"]["id"].as_str().unwrap();
    let delivery = world.key().post(&format!("/v1/endpoints/{endpoint}/test"), &Value::Null).await.ok();
    let path = format!("/v1/deliveries/{}", delivery["id"].as_str().unwrap());
    sink.wait_for("endpoint.test", 1).await;
    let attempts = async |number: usize| {
        until("the attempts are written down", PATIENCE, async || {
            let listed = world.key().get(&format!("{path}/attempts")).await.ok();
            let attempts = listed["data"].as_array().unwrap().clone();
            (attempts.len() >= number).then_some(attempts)
        })
        .await
    };
    attempts(1).await;
    let replayed = world.key().post(&format!("{path}/replay"), &Value::Null).await;
    assert_eq!(replayed.status, 202, "{replayed}");
    assert_eq!(replayed.json()["id"], delivery["id"], "the same delivery");
    let posted = sink.wait_for("endpoint.test", 2).await;
    assert_eq!(
        posted[0].header("webhook-id"),
        posted[1].header("webhook-id"),
        "the receiver can tell that it is the same"
    );
    assert_eq!(posted[0].body, posted[1].body, "FT-3: exactly as it was");
    let attempts = attempts(2).await;
    assert!(attempts.iter().all(|attempt| attempt["status"] == 204), "{attempts:?}");
    world
        .key()
        .post("/v1/deliveries/dlv_00000000000000000000000000/replay", &Value::Null)
        .await
        .problem(404, "not_found");
    world.key().get("/v1/deliveries/dlv_00000000000000000000000000/attempts").await.problem(404, "not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn list_deliveries_filters_by_endpoint_and_state() {
    let world = World::start(Options::default()).await;
    let sink = Sink::start().await;
    let key = world.key();
    let mut endpoints = Vec::new();
    for _ in 0..2 {
        let made = key.post("/v1/endpoints", &json!({ "url": sink.url() })).await.ok();
        endpoints.push(made["endpoint"]["id"].as_str().unwrap().to_owned());
    }
    for _ in 0..2 {
        key.post(&format!("/v1/endpoints/{}/test", endpoints[0]), &Value::Null).await.ok();
    }
    key.post(&format!("/v1/endpoints/{}/test", endpoints[1]), &Value::Null).await.ok();
    sink.wait_for("endpoint.test", 3).await;
    let count = async |query: &str| {
        super::edge::walk(&key, &format!("/v1/deliveries?limit=1{query}"), |one| one["id"].to_string()).await.len()
    };
    until("all are told", PATIENCE, async || (count("&state=delivered").await == 3).then_some(())).await;
    assert_eq!(count("").await, 3);
    assert_eq!(count(&format!("&endpoint={}", endpoints[0])).await, 2);
    assert_eq!(count("&state=pending").await + count("&state=parked").await, 0);
    key.get("/v1/deliveries?state=lost").await.problem(422, "invalid_fields");
    key.get("/v1/deliveries?endpoint=nonsense").await.problem(422, "invalid_fields");
    world.end().await;
}
