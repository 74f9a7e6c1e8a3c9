//! `/v1/connections/…/actions` and `/v1/action-runs`: what can be done at a provider, once.

use acme::{Fault, Misbehaviour};
use serde_json::{Value, json};

use super::connected::Connected;
use crate::support::*;

const ORDER: &str = "ord_000003";

fn cancel(order: &str) -> Value {
    json!({ "input": { "order_id": order } })
}

/// Calls the action with these headers.
async fn call(connected: &Connected, headers: &[(&str, &str)], body: &Value) -> Answer {
    let path = format!("/v1/connections/{}/actions/cancel_order", connected.connection);
    let key = connected.world.key();
    let mut request = key.request(http::Method::POST, &path);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.json(body).send().await
}

/// How often the provider was asked to cancel an order.
fn asked(world: &World, order: &str) -> u64 {
    world.acme().calls().get(&format!("POST /v1/orders/{order}/cancel")).copied().unwrap_or_default()
}

/// The run once it is over.
async fn over(world: &World, run: &Value) -> Value {
    let path = format!("/v1/action-runs/{}", run["id"].as_str().unwrap());
    until("the call is over", PATIENCE, async || {
        let run = world.key().get(&path).await.ok();
        run["finished_at"].is_string().then_some(run)
    })
    .await
}

fn spoil(world: &World, order: &str, fault: Fault) {
    world.acme().misbehave(Misbehaviour { path: format!("/v1/orders/{order}"), skip: 0, times: 1, fault });
}

#[tokio::test(flavor = "multi_thread")]
async fn list_actions_shows_what_goes_in_and_comes_out() {
    let connected = Connected::set().await;
    let world = &connected.world;
    let path = format!("/v1/connections/{}/actions", connected.connection);
    let listed = world.key().get(&path).await.ok();
    let action = &listed["data"][0];
    assert_eq!((&action["name"], &action["is_idempotent"]), (&json!("cancel_order"), &json!(false)));
    assert_eq!(action["input_schema"]["required"], json!(["order_id"]), "{action}");
    assert_eq!(action["output_schema"]["type"], "object");
    world.key().get("/v1/connections/conn_00000000000000000000000000/actions").await.problem(404, "not_found");
    world.key_with(&["connections:read"]).await.get(&path).await.problem(403, "missing_scope");
    connected.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn call_action_performs_it_and_get_action_run_and_list_action_runs_show_it() {
    let connected = Connected::set().await;
    let world = &connected.world;
    let answer = call(&connected, &[], &cancel(ORDER)).await;
    let run = answer.ok();
    assert_eq!((answer.status, &run["state"], &run["is_async"]), (200, &json!("succeeded"), &json!(false)), "{run}");
    assert_eq!((&run["output"]["id"], &run["output"]["status"]), (&json!(ORDER), &json!("cancelled")), "{run}");
    assert_eq!((asked(world, ORDER), &run["tries"]), (1, &json!(1)));
    // Nobody said that they would come back for what came out, so it is not kept.
    let shown = world.key().get(&format!("/v1/action-runs/{}", text(&run["id"]))).await.ok();
    assert_eq!((&shown["output"], &shown["output_forgotten"]), (&Value::Null, &json!(true)), "{shown}");
    assert_eq!(world.one("SELECT count(*) FROM action_runs WHERE output IS NOT NULL OR input IS NOT NULL").await, "0");

    // A second time the provider says no: that is the tenant's to deal with, and nothing of the connection's.
    let refused = call(&connected, &[], &cancel(ORDER)).await.problem(422, "action_refused");
    assert_eq!((refused.blame.as_deref(), refused.action_run_id.is_some()), (Some("tenant"), true), "{refused:?}");
    assert!(refused.detail.contains("cancelled before"), "{refused:?}");

    let path = format!("/v1/action-runs?connection={}", connected.connection);
    let listed = world.key().get(&path).await.ok();
    let states: Vec<&Value> = listed["data"].as_array().unwrap().iter().map(|run| &run["state"]).collect();
    assert_eq!(states, ["failed", "succeeded"], "the latest first");
    let failed = world.key().get(&format!("{path}&state=failed&action=cancel_order")).await.ok();
    assert_eq!((failed["data"].as_array().unwrap().len(), &failed["data"][0]["error"]["code"]), (1, &json!("refused")));
    assert_eq!(world.key().get("/v1/action-runs?action=other").await.ok()["data"], json!([]));
    let all = super::edge::walk(&world.key(), "/v1/action-runs?limit=1", |run| text(&run["id"])).await;
    assert_eq!(all.len(), 2);
    let audited =
        world.sql("SELECT subject, detail->>'run' FROM audit WHERE action = 'action.called' ORDER BY at").await;
    assert_eq!(audited[0], [Some(connected.connection.clone()), Some(text(&run["id"]))]);
    world.key().get("/v1/action-runs/act_00000000000000000000000000").await.problem(404, "not_found");
    connected.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn call_action_refuses_what_its_schema_refuses_before_anything_happens() {
    let connected = Connected::set().await;
    let world = &connected.world;
    for (body, field) in [
        (json!({ "input": {} }), "input.order_id"),
        (json!({}), "input.order_id"),
        (json!({ "input": { "order_id": 7 } }), "input.order_id"),
        (json!({ "input": { "order_id": "../x" } }), "input.order_id"),
        (json!({ "input": { "order_id": ORDER, "note": "x" } }), "input.note"),
        (json!({ "input": [ORDER] }), "input"),
    ] {
        let problem = call(&connected, &[], &body).await.problem(422, "invalid_fields");
        assert_eq!(problem.fields[0].field, field, "{body}: {problem:?}");
    }
    let path = format!("/v1/connections/{}/actions/refund_order", connected.connection);
    let unknown = world.key().post(&path, &cancel(ORDER)).await.problem(404, "not_found");
    assert!(unknown.detail.contains("cancel_order"), "it says what there is: {unknown:?}");
    let nobody = "/v1/connections/conn_00000000000000000000000000/actions/cancel_order";
    world.key().post(nobody, &cancel(ORDER)).await.problem(404, "not_found");
    call(&connected, &[("idempotency-key", "a b")], &cancel(ORDER)).await.problem(422, "invalid_fields");
    let path = format!("/v1/connections/{}/actions/cancel_order", connected.connection);
    world.key_with(&["actions:read"]).await.post(&path, &cancel(ORDER)).await.problem(403, "missing_scope");
    assert_eq!(asked(world, ORDER), 0);
    assert_eq!(world.one("SELECT count(*) FROM action_runs").await, "0");
    connected.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn call_action_holds_what_comes_out_against_the_schema_too() {
    let connected = Connected::set().await;
    let world = &connected.world;
    let body = json!({ "id": ORDER, "status": 7 });
    spoil(world, ORDER, Fault::Status { status: 200, retry_after: None, body: Some(body) });
    let problem = call(&connected, &[], &cancel(ORDER)).await.problem(504, "action_unknown");
    assert!(problem.detail.contains("status: ") && problem.blame.as_deref() == Some("plugin"), "{problem:?}");
    let run = world.key().get("/v1/action-runs").await.ok()["data"][0].clone();
    assert_eq!((&run["state"], &run["error"]["code"]), (&json!("unknown"), &json!("bad_output")), "{run}");
    connected.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn call_action_with_a_key_is_performed_once_and_answered_as_often_as_it_is_sent() {
    let connected = Connected::set().await;
    let world = &connected.world;
    let key: &[(&str, &str)] = &[("idempotency-key", "8e03978e-40d5-43dd-bc93-6894a57f9324")];
    let first = call(&connected, key, &cancel(ORDER)).await;
    let again = call(&connected, key, &json!({ "input": { "order_id": "ord_\u{30}00003" } })).await;
    assert_eq!((first.status, again.status), (200, 200), "{again}");
    assert_eq!(first.ok(), again.ok(), "the same answer");
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), (None, Some("true")));
    assert_eq!(asked(world, ORDER), 1);
    call(&connected, key, &cancel("ord_000004")).await.problem(422, "idempotency_key_reused");
    assert_eq!(asked(world, "ord_000004"), 0);
    // A failure is an answer as well.
    let other: &[(&str, &str)] = &[("idempotency-key", "other")];
    let refused = call(&connected, other, &cancel(ORDER)).await.problem(422, "action_refused");
    let again = call(&connected, other, &cancel(ORDER)).await.problem(422, "action_refused");
    assert_eq!((asked(world, ORDER), &refused.detail), (2, &again.detail));
    assert_eq!(refused.action_run_id, again.action_run_id);
    // Sealed where it lies, and forgotten after a while; the key is remembered longer.
    assert_eq!(world.one("SELECT count(*) FROM action_runs WHERE output IS NOT NULL").await, "1");
    assert_eq!(world.one(&format!("SELECT count(*) FROM action_runs WHERE output LIKE '%{ORDER}%'")).await, "0");
    world.sql("UPDATE action_runs SET finished_at = now() - interval '8 days'").await;
    world.sql("UPDATE action_runs SET output = NULL, forgotten_at = now() WHERE output IS NOT NULL").await;
    let late = call(&connected, key, &cancel(ORDER)).await.ok();
    assert_eq!(
        (&late["state"], &late["output"], &late["output_forgotten"]),
        (&json!("succeeded"), &Value::Null, &json!(true))
    );
    assert_eq!(asked(world, ORDER), 2);
    connected.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_3_call_action_twice_at_once_with_one_key_has_one_effect() {
    let connected = Connected::set().await;
    let world = &connected.world;
    spoil(world, ORDER, Fault::Slow { ms: 1_500 });
    let key: &[(&str, &str)] = &[("idempotency-key", "at-once")];
    let wish = cancel(ORDER);
    let calls = futures_util::future::join_all((0..6).map(|_| call(&connected, key, &wish))).await;
    let done: Vec<_> = calls.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(done.len(), 1, "{calls:?}");
    for waiting in calls.iter().filter(|answer| answer.status != 200) {
        waiting.problem(409, "request_in_flight");
        assert_eq!(waiting.retry_after(), Some(1), "{waiting}");
    }
    assert_eq!(asked(world, ORDER), 1);
    assert_eq!(call(&connected, key, &cancel(ORDER)).await.ok()["id"], done[0].ok()["id"]);
    assert_eq!(world.one("SELECT count(*) FROM action_runs").await, "1");
    connected.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn call_action_of_two_connections_at_once_has_both_at_the_provider_at_once() {
    let connected = Connected::set().await;
    let world = &connected.world;
    let shown = world.key().get(&format!("/v1/connections/{}", connected.connection)).await.ok();
    let integration = json!({ "id": shown["integration_id"] });
    let other = world.connect_acme(&integration, "merchant-2", "shop_south").await;
    world.synced(&other).await;
    for (headers, orders) in
        [(&[][..], ["ord_000003", "ord_000004"]), (&[("prefer", "respond-async")][..], ["ord_000005", "ord_000006"])]
    {
        for order in orders {
            spoil(world, order, Fault::Slow { ms: 3_000 });
        }
        let perform = async |connection: &str, order: &str| {
            let key = world.key();
            let path = format!("/v1/connections/{connection}/actions/cancel_order");
            let mut request = key.request(http::Method::POST, &path);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let run = request.json(&cancel(order)).send().await.ok();
            let state = over(world, &run).await["state"].clone();
            (state, std::time::Instant::now())
        };
        let meet = async {
            let are_there = || orders.iter().all(|order| asked(world, order) == 1);
            until("both are at the provider", PATIENCE, async || are_there().then_some(())).await;
            std::time::Instant::now()
        };
        let calls = (perform(&connected.connection, orders[0]), perform(&other, orders[1]));
        let (first, second, met) = futures_util::future::join3(calls.0, calls.1, meet).await;
        for (state, over) in [first, second] {
            assert_eq!(state, "succeeded", "{headers:?}");
            // One after the other, the second would have come when the first was over.
            let left = over.saturating_duration_since(met);
            assert!(left > std::time::Duration::from_millis(500), "{headers:?}: {left:?} before its end");
        }
    }
    connected.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn call_action_asynchronously_and_list_action_run_logs() {
    let connected = Connected::set().await;
    let world = &connected.world;
    let sink = Sink::start().await;
    let wish = json!({ "url": sink.url(), "events": ["action.finished"] });
    world.key().post("/v1/endpoints", &wish).await.ok();
    let headers: &[(&str, &str)] = &[("prefer", "handling=lenient, respond-async"), ("idempotency-key", "later")];
    let answer = call(&connected, headers, &cancel(ORDER)).await;
    let taken = answer.ok();
    assert_eq!((answer.status, answer.header("preference-applied")), (202, Some("respond-async")), "{answer}");
    assert_eq!(answer.header("location").unwrap(), format!("/v1/action-runs/{}", text(&taken["id"])));
    let run = over(world, &taken).await;
    assert_eq!((&run["state"], &run["output"]["id"]), (&json!("succeeded"), &json!(ORDER)), "{run}");
    let again = call(&connected, headers, &cancel(ORDER)).await;
    assert_eq!((again.status, &again.ok()["id"], &again.ok()["state"]), (202, &run["id"], &json!("succeeded")));
    assert_eq!(asked(world, ORDER), 1);
    assert_eq!(
        world.one("SELECT count(*) FROM action_runs WHERE input IS NOT NULL").await,
        "0",
        "forgotten at the end"
    );

    // One that fails is told of too, and whose fault it is.
    let failing = over(world, &call(&connected, &[("prefer", "respond-async")], &cancel(ORDER)).await.ok()).await;
    assert_eq!((&failing["state"], &failing["error"]["blame"]), (&json!("failed"), &json!("tenant")), "{failing}");
    let told = "SELECT data->>'action_run_id', data->>'state', data->>'blame' FROM events \
                WHERE kind = 'action.finished' ORDER BY event_id";
    let told = world.sql(told).await;
    assert_eq!(told[0], [Some(text(&run["id"])), Some("succeeded".to_owned()), None]);
    assert_eq!(told[1], [Some(text(&failing["id"])), Some("failed".to_owned()), Some("tenant".to_owned())]);
    let lines = world.key().get(&format!("/v1/action-runs/{}/logs", text(&run["id"]))).await.ok();
    assert!(text(&lines["data"][0]["message"]).starts_with("Done"), "{lines}");
    world.key().get("/v1/action-runs/act_00000000000000000000000000/logs").await.problem(404, "not_found");
    connected.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn call_action_asynchronously_waits_as_long_as_the_caller_would() {
    let connected = Connected::set().await;
    let world = &connected.world;
    let headers: &[(&str, &str)] = &[("prefer", "respond-async, wait=20"), ("idempotency-key", "soon")];
    let answer = call(&connected, headers, &cancel(ORDER)).await;
    let run = answer.ok();
    assert_eq!((answer.status, answer.header("preference-applied")), (200, Some("wait=20")), "{answer}");
    assert_eq!((&run["state"], &run["is_async"]), (&json!("succeeded"), &json!(true)), "{run}");
    assert_eq!(run["output"]["id"], ORDER, "{run}");
    let again = call(&connected, headers, &cancel(ORDER)).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, Some("true")), "{again}");
    assert_eq!((again.ok(), asked(world, ORDER)), (run, 1));
    // What does not succeed in that time is answered as if nobody else had performed it.
    let headers: &[(&str, &str)] = &[("prefer", "respond-async, wait=20")];
    let refused = call(&connected, headers, &cancel(ORDER)).await.problem(422, "action_refused");
    assert_eq!((refused.blame.as_deref(), refused.action_run_id.is_some()), (Some("tenant"), true), "{refused:?}");

    // What takes longer is a worker's, and goes on.
    spoil(world, "ord_000004", Fault::Slow { ms: 3_000 });
    let begun = std::time::Instant::now();
    let headers: &[(&str, &str)] = &[("prefer", "respond-async, wait=1")];
    let answer = call(&connected, headers, &cancel("ord_000004")).await;
    assert!(begun.elapsed() >= std::time::Duration::from_secs(1), "it was waited for");
    let taken = answer.ok();
    assert_eq!(answer.status, 202, "{answer}");
    let applied = answer.headers.get_all("preference-applied").iter().filter_map(|value| value.to_str().ok());
    let applied: Vec<&str> = applied.collect();
    assert_eq!(applied, ["respond-async", "wait=1"]);
    assert_eq!(answer.header("location").unwrap(), format!("/v1/action-runs/{}", text(&taken["id"])));
    assert!(taken["finished_at"].is_null() && taken["output"].is_null(), "{taken}");
    assert_eq!(over(world, &taken).await["state"], "succeeded");
    connected.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn call_action_that_is_never_answered_ends_as_unknown() {
    let connected = Connected::set().await;
    let world = &connected.world;
    // The provider does it, and its answer is lost.
    spoil(world, ORDER, Fault::LoseAnswer);
    let key: &[(&str, &str)] = &[("idempotency-key", "lost")];
    let problem = call(&connected, key, &cancel(ORDER)).await.problem(504, "action_unknown");
    assert_eq!(problem.blame.as_deref(), Some("provider"), "{problem:?}");
    call(&connected, key, &cancel(ORDER)).await.problem(504, "action_unknown");
    assert_eq!(asked(world, ORDER), 1, "not repeated");
    // And one that takes longer than the action may.
    spoil(world, "ord_000004", Fault::Hang);
    let problem = call(&connected, &[], &cancel("ord_000004")).await.problem(504, "action_unknown");
    assert!(problem.detail.contains("within"), "{problem:?}");
    // A provider that says that it is down has done nothing, and says when to come again.
    let down = Fault::Status { status: 503, retry_after: Some("7".into()), body: None };
    spoil(world, "ord_000005", down);
    let answer = call(&connected, &[], &cancel("ord_000005")).await;
    assert!([429, 502].contains(&answer.status), "{answer}");
    assert_eq!((answer.json()["blame"].as_str(), answer.retry_after()), (Some("provider"), Some(7)), "{answer}");
    connected.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn call_action_on_a_connection_that_must_be_repaired_is_refused() {
    let connected = Connected::set().await;
    let world = &connected.world;
    world.sql("UPDATE connections SET health = 'needs_reauth', health_cause = 'revoked'").await;
    world.forget_credentials();
    for headers in [&[][..], &[("prefer", "respond-async")][..]] {
        call(&connected, headers, &cancel(ORDER)).await.problem(409, "needs_reauth");
    }
    assert_eq!(world.one("SELECT count(*) FROM action_runs").await, "0");
    world.sql("UPDATE connections SET health = 'active', health_cause = NULL").await;
    world.forget_credentials();
    // The provider finds out while it is called: the connection is moved, and its tenant is told.
    let refused = Fault::Status { status: 403, retry_after: None, body: None };
    spoil(world, ORDER, refused);
    let problem = call(&connected, &[], &cancel(ORDER)).await.problem(409, "needs_reauth");
    assert_eq!(problem.blame.as_deref(), Some("end_user"));
    let shown = world.key().get(&format!("/v1/connections/{}", connected.connection)).await.ok();
    assert_eq!(shown["health"]["state"], "needs_reauth", "{shown}");
    connected.world.end().await;
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
