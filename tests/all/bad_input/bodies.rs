//! Bodies that cannot be read, at every operation that takes one (security.md SV-4).

use http::Method;
use serde_json::{Value, json};

use crate::{
    http::edge::assert_problem,
    support::Answer,
    tenancy::scene::{Operation, Rows, Scene, operations},
};

fn bearer(scene: &Scene, operation: &Operation) -> String {
    let token = match operation.scheme.as_str() {
        "operator" => crate::support::OPERATOR_TOKEN,
        "connect_session" => &scene.session_token,
        _ => &scene.world.tenant().secret,
    };
    format!("Bearer {token}")
}

/// Sends the operation with its right key and this body.
pub(super) async fn send(scene: &Scene, operation: &Operation, content_type: Option<&str>, body: Vec<u8>) -> Answer {
    let caller = scene.world.anonymous();
    let request = caller.request(operation.method.clone(), &scene.path(operation));
    let request = request.header("authorization", &bearer(scene, operation)).body(body);
    match content_type {
        Some(content_type) => request.header("content-type", content_type).send().await,
        None => request.send().await,
    }
}

/// What it is, its content type, the body, and the status and code that it is answered with.
type Case = (&'static str, Option<&'static str>, Vec<u8>, u16, &'static str);

/// Operations that take a JSON body.
pub(super) fn with_body() -> Vec<Operation> {
    operations().into_iter().filter(|operation| operation.takes_json).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_4_bodies_that_cannot_be_read_are_refused_everywhere_and_nothing_is_stored() {
    let scene = Scene::set().await;
    let before = scene.fingerprint(Rows::All).await;
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000)).into_bytes();
    let json = Some("application/json");
    assert!(with_body().len() >= 8, "operations with bodies were found");
    for operation in with_body() {
        let good = scene.body(&operation).unwrap();
        let mut large = good.clone();
        large["padding"] = Value::String("x".repeat(300 * 1024));
        let cases: [Case; 14] = [
            ("no content type", None, good.to_string().into_bytes(), 415, "unsupported_media_type"),
            (
                "a form",
                Some("application/x-www-form-urlencoded"),
                good.to_string().into_bytes(),
                415,
                "unsupported_media_type",
            ),
            ("text", Some("text/plain"), good.to_string().into_bytes(), 415, "unsupported_media_type"),
            ("nothing", json, Vec::new(), 400, "bad_json"),
            ("broken JSON", json, b"{\"name\": ".to_vec(), 400, "bad_json"),
            ("single quotes", json, b"{'name': 'x'}".to_vec(), 400, "bad_json"),
            ("more behind it", json, format!("{good} x").into_bytes(), 400, "bad_json"),
            ("no text", json, b"{\"name\": \"\xff\xfe\"}".to_vec(), 400, "bad_json"),
            ("deep arrays", json, deep("[", "]"), 400, "bad_json"),
            (
                "deep objects",
                json,
                format!("{{\"x\":{}1{}}}", "{\"x\":".repeat(10_000), "}".repeat(10_000)).into_bytes(),
                400,
                "bad_json",
            ),
            ("an array", json, b"[]".to_vec(), 422, "invalid_fields"),
            ("a number", json, b"7".to_vec(), 422, "invalid_fields"),
            ("null", json, b"null".to_vec(), 422, "invalid_fields"),
            ("too large", json, large.to_string().into_bytes(), 413, "body_too_large"),
        ];
        for (what, content_type, body, status, code) in cases {
            let answer = send(&scene, &operation, content_type, body).await;
            assert_problem(&answer);
            assert_eq!(answer.status, status, "{what}: {answer}");
            assert_eq!(answer.json()["code"], code, "{what}: {answer}");
        }
        assert_eq!(scene.fingerprint(Rows::All).await, before, "{} stored something", operation.name());
    }
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_the_wrong_type_is_named() {
    let scene = Scene::set().await;
    let key = scene.world.key();
    for (path, body, word) in [
        ("/v1/api-keys", json!({ "name": 7, "scopes": ["proxy"] }), "name"),
        ("/v1/api-keys", json!({ "scopes": ["proxy"] }), "name"),
        ("/v1/connect/sessions", json!({ "end_user": "merchant" }), "end_user"),
        (
            "/v1/connect/sessions",
            json!({ "end_user": { "id": "m" }, "allowed_origins": "https://x" }),
            "allowed_origins",
        ),
        ("/v1/integrations", json!({ "provider": "acme", "variables": { "auth": 1 } }), "variables"),
    ] {
        let answer = key.post(path, &body).await;
        let problem = answer.problem(422, "invalid_fields");
        let named = problem.fields.iter().any(|field| field.field.starts_with(word)) || problem.detail.contains(word);
        assert!(named, "`{word}` is not named: {answer}");
    }
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_4_headers_and_addresses_without_end_are_refused() {
    let scene = Scene::set().await;
    let key = scene.world.key();
    let long = "x".repeat(60_000);
    for request in [
        key.request(Method::GET, &format!("/v1/connections?end_user={long}")),
        key.request(Method::GET, &format!("/v1/connections/{long}")),
        key.request(Method::GET, "/v1/connections").header("x-long", &long),
    ] {
        // Some are told, some are cut off; the server goes on either way.
        if let Ok(answer) = request.try_send().await {
            assert!(answer.status < 500, "{answer}");
        }
    }
    key.get("/v1/connections").await.ok();
    scene.world.end().await;
}
