//! The tenant's endpoint is down for a while.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ft_3_delivered_exactly_as_signed_once_it_is_back() {
    let world = World::start(Options::default()).await;
    let sink = Sink::start().await;
    let key = world.key();
    let endpoint = key.post("/v1/endpoints", &json!({ "url": sink.url() })).await.ok();
    let secret = endpoint["secret"].as_str().unwrap();
    let id = endpoint["endpoint"]["id"].as_str().unwrap();
    sink.answer_with(503);
    let delivery = key.post(&format!("/v1/endpoints/{id}/test"), &json!({})).await.ok();
    let attempts_path = format!("/v1/deliveries/{}/attempts", delivery["id"].as_str().unwrap());
    let attempts = async || key.get(&attempts_path).await.ok()["data"].as_array().unwrap().clone();
    // Three tries in vain, each when its time has come.
    for tries in 1..=3 {
        until("the next try is made and recorded", PATIENCE, async || (attempts().await.len() == tries).then_some(()))
            .await;
        assert_eq!(sink.posted().len(), tries, "no try goes unrecorded");
        world.clock().advance(TimeDelta::hours(3));
    }
    sink.answer_with(204);
    let posted = sink.wait_for("endpoint.test", 1).await;
    let first = &sink.posted()[0];
    assert_eq!(posted[0].body, first.body, "the same bytes as at first");
    assert_eq!(posted[0].header("webhook-id"), first.header("webhook-id"), "by which the receiver knows it again");
    for one in sink.posted() {
        one.verify_signature(secret).unwrap();
    }
    until("it is recorded as delivered", PATIENCE, async || {
        let page = key.get(&format!("/v1/deliveries?endpoint={id}&state=delivered")).await.ok();
        (page["data"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;
    let statuses: Vec<_> = attempts().await.iter().map(|attempt| attempt["status"].as_u64().unwrap()).collect();
    assert!(statuses.iter().filter(|status| **status == 204).count() == 1 && statuses.len() >= 4, "{statuses:?}");
    world.end().await;
}
