//! What holds for the whole edge: problem documents, health, the document of the API, lists.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Caller, Options, World};

/// Walks a list to its end by its cursors; gives what `pick` takes of each item.
pub(super) async fn walk(caller: &Caller, path: &str, pick: impl Fn(&Value) -> String) -> Vec<String> {
    let (mut found, mut cursor, mut pages) = (Vec::new(), None::<String>, 0);
    loop {
        let at = cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = caller.get(&format!("{path}{at}")).await.ok();
        found.extend(page["data"].as_array().unwrap().iter().map(&pick));
        pages += 1;
        assert!(pages < 100, "the list does not end");
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return found,
        }
    }
}

/// Words that only come from inside: SQL, files, types, other people's secrets.
const INSIDE: &[&str] = &[
    "SELECT",
    "INSERT",
    "UPDATE ",
    "relation \"",
    "column \"",
    "constraint",
    "duplicate key",
    "diesel",
    "tokio",
    "actix",
    "panicked",
    ".rs:",
    "src/",
    "/target/",
    "postgres",
    "::",
    "operator-token",
    "correct horse",
];

/// A failure as every failure has to be (security.md SV-2).
#[track_caller]
pub(crate) fn assert_problem(answer: &Answer) {
    assert!(answer.status >= 400, "{answer}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer}");
    let problem = answer.json();
    assert_eq!(problem["status"], answer.status, "{answer}");
    let code = problem["code"].as_str().unwrap();
    assert_eq!(problem["type"], format!("/problems/{code}"), "{answer}");
    assert!(problem["request_id"].as_str().unwrap().starts_with("req_"), "{answer}");
    assert_eq!(problem["request_id"].as_str(), answer.header("patchbay-request-id"), "{answer}");
    for field in ["title", "detail"] {
        let text = problem[field].as_str().unwrap();
        assert!(!text.is_empty(), "{answer}");
        for word in INSIDE {
            assert!(!text.contains(word), "`{word}` came from inside: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_2_whatever_is_no_success_is_a_problem_document() {
    let world = World::start(Options::default()).await;
    let key = world.key();
    for (method, path, status) in [
        (Method::GET, "/", 404),
        (Method::GET, "/v1", 404),
        (Method::GET, "/v1/nothing", 404),
        (Method::GET, "/v1/connections/", 404),
        (Method::GET, "/v1//connections", 404),
        (Method::GET, "/v1/connections/../api-keys/x", 405),
        (Method::PUT, "/v1/api-keys", 405),
        (Method::DELETE, "/v1/connections", 405),
        (Method::POST, "/healthz", 405),
        (Method::GET, "/v1/connections/%ff", 404),
        (Method::GET, "/v1/connections/%00", 400),
        (Method::GET, "/v1/connections/'; DROP TABLE tenants; --", 404),
        (Method::GET, "/v1/connections/conn_00000000000000000000000000", 404),
        (Method::GET, "/v1/runs/conn_00000000000000000000000000", 404),
        (Method::GET, "/v1/api-keys?limit=0", 422),
        (Method::GET, "/v1/api-keys?limit=101", 422),
        (Method::GET, "/v1/api-keys?limit=many", 422),
        (Method::GET, "/v1/api-keys?limit=-1", 422),
        (Method::GET, "/v1/api-keys?limit=99999999999999999999", 422),
        (Method::GET, "/v1/api-keys?cursor=nonsense", 400),
        (Method::GET, "/v1/api-keys?cursor=%ff", 400),
        (Method::GET, "/v1/records", 422),
        (Method::GET, "/v1/records?connection=nonsense&stream=orders", 422),
        (Method::GET, "/v1/connections?health=splendid", 422),
        (Method::GET, "/problems/nonsense", 404),
        (Method::GET, "/portal/assets/..%2f..%2fCargo.toml", 404),
        (Method::GET, "/connect/assets/nothing.js", 404),
    ] {
        let answer = key.request(method, path).send().await;
        assert_problem(&answer);
        assert_eq!(answer.status, status, "{answer}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_2_an_allowed_method_is_named_where_another_was_used() {
    let world = World::start(Options::default()).await;
    let answer = world.key().request(Method::PUT, "/v1/api-keys").send().await;
    let allow: BTreeSet<_> = answer.header("allow").unwrap_or_default().split(',').map(str::trim).collect();
    assert!(allow.contains("GET") && allow.contains("POST"), "RFC 9110 section 15.5.6 asks for Allow: {allow:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_readiness_and_counters_are_served() {
    let world = World::start(Options::default()).await;
    let somebody = world.anonymous();
    assert_eq!(somebody.get("/healthz").await.ok(), json!({ "status": "ok" }));
    assert_eq!(somebody.get("/readyz").await.ok(), json!({ "status": "ready", "database": "ok", "key_service": "ok" }));
    world.key().get("/v1/api-keys").await.ok();
    let metrics = somebody.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain"));
    let text = metrics.text();
    // The counters are those of the whole process, so of every test in it.
    let counted = ["patchbay_http_requests_total{", "method=\"GET\"", "route=\"/v1/api-keys\"", "status=\"2xx\""];
    assert!(text.lines().any(|line| counted.iter().all(|part| line.contains(part))), "{text}");
    assert!(text.contains("patchbay_http_request_seconds_bucket"), "a histogram by route");
    assert!(!text.contains("conn_"), "no ids among the labels: each would be a series of its own");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_of_the_api_is_served_and_valid() {
    let world = World::start(Options::default()).await;
    let answer = world.anonymous().get("/openapi.json").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let served = answer.ok();
    assert_eq!(served, crate::house::openapi::document(), "what the house rules look at is what is served");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_its_requests_id() {
    let world = World::start(Options::default()).await;
    let mut seen = BTreeSet::new();
    for path in ["/healthz", "/openapi.json", "/v1/connections", "/nothing", "/portal"] {
        let answer = world.anonymous().get(path).await;
        let id = answer.header("patchbay-request-id").unwrap_or_else(|| panic!("{answer} has no id")).to_owned();
        assert!(id.starts_with("req_") && seen.insert(id));
    }
    world.end().await;
}
