//! `ANY /v1/proxy/{path}`: raw calls with the credential added.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;

use super::connected::Connected;

#[tokio::test(flavor = "multi_thread")]
async fn send_proxy_passes_everything_and_adds_the_credential() {
    let Connected { world, connection, .. } = Connected::set().await;
    let key = world.key();
    for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let request =
            key.request(method.clone(), "/v1/proxy/echo?a=1&b=%20x&a=2").header("patchbay-connection", &connection);
        let request = request.header("x-own", "kept").header("content-type", "text/weird");
        let answer =
            if method == Method::GET { request.send().await } else { request.body("body \u{fc}").send().await };
        let seen = answer.ok();
        assert_eq!(seen["method"], method.as_str());
        assert_eq!(
            (seen["path"].as_str(), seen["query"].as_str()),
            (Some("/echo"), Some("a=1&b=%20x&a=2")),
            "byte for byte"
        );
        assert_eq!(seen["headers"]["x-own"][0], "kept");
        if method != Method::GET {
            assert_eq!(STANDARD.decode(seen["body"].as_str().unwrap()).unwrap(), "body \u{fc}".as_bytes());
        }
        let authorization = seen["headers"]["authorization"].as_array().unwrap();
        assert_eq!(authorization.len(), 1, "{seen}");
        assert!(authorization[0].as_str().unwrap().starts_with("Bearer "), "{seen}");
        let text = seen["headers"].to_string();
        assert!(!text.contains("pbk_"), "our own key goes nowhere: {text}");
        assert!(!text.contains("patchbay-connection"), "nor do our own headers: {text}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn send_proxy_hands_on_the_providers_own_failures() {
    let Connected { world, connection, .. } = Connected::set().await;
    let key = world.key();
    let get = async |path: &str| key.request(Method::GET, path).header("patchbay-connection", &connection).send().await;
    let missing = get("/v1/proxy/v1/orders/ord_999999").await;
    assert_eq!(
        (missing.status, missing.json()["error"].as_str()),
        (404, Some("not_found")),
        "the provider's own words: {missing}"
    );
    let big = get("/v1/proxy/v1/blob/10m").await;
    assert_eq!((big.status, big.body.len()), (200, 10 << 20));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pl_2_send_proxy_stays_with_the_providers_hosts() {
    let Connected { world, connection, .. } = Connected::set().await;
    let key = world.key();
    let calls = world.acme().calls();
    for path in [
        "/v1/proxy/https://evil.example/steal",
        "/v1/proxy/http://169.254.169.254/latest",
        "/v1/proxy//evil.example/x",
        "/v1/proxy/@evil.example/x",
        "/v1/proxy/..//..//evil.example",
    ] {
        let answer = key.request(Method::GET, path).header("patchbay-connection", &connection).send().await;
        let text = answer.text();
        // Either it is refused, or it went to the provider's own host as a strange path.
        if answer.header("content-type") == Some("application/problem+json") {
            super::edge::assert_problem(&answer);
            assert!(
                answer.status == 403 || answer.status == 422 || answer.status == 400 || answer.status == 404,
                "{answer}"
            );
        } else {
            assert!(world.acme().calls() != calls, "{path} was answered by somebody else: {text}");
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn send_proxy_says_what_is_wrong_with_the_call() {
    let Connected { world, connection, .. } = Connected::set().await;
    let key = world.key();
    let problem = key.get("/v1/proxy/v1/orders").await.problem(422, "invalid_fields");
    assert_eq!(problem.fields[0].field, "patchbay-connection");
    let request = key.request(Method::GET, "/v1/proxy/v1/orders").header("patchbay-connection", "nonsense");
    request.send().await.problem(404, "not_found");
    for wrong in ["0", "600001", "soon", "-1"] {
        let request = key.request(Method::GET, "/v1/proxy/v1/orders").header("patchbay-connection", &connection);
        let answer = request.header("patchbay-timeout-ms", wrong).send().await;
        assert_eq!(answer.problem(422, "invalid_fields").fields[0].field, "patchbay-timeout-ms");
    }
    let slow = r#"{"do":"misbehave","path":"/v1/orders","skip":0,"times":1,"fault":{"kind":"hang"}}"#;
    world.acme().control(serde_json::from_str(slow).unwrap()).unwrap();
    let request = key.request(Method::GET, "/v1/proxy/v1/orders").header("patchbay-connection", &connection);
    let began = std::time::Instant::now();
    request.header("patchbay-timeout-ms", "300").send().await.problem(504, "provider_timeout");
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
    world.end().await;
}
