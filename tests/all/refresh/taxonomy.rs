//! What providers say in words of their own, sayable in the manifest: each leads to its own state, event and audit row.

use acme::{Fault, Misbehaviour};
use http::Method;
use serde_json::{Value, json};

use super::{next_token_request, refreshes};
use crate::support::*;

const RULES: &str = r#"
[[failures]]
of = "token"
status = [200]
path = "error.code"
is = ["190"]
means = "revoked"

[[failures]]
of = "token"
status = [403]
contains = "revoked by the merchant"
means = "revoked"

[[failures]]
of = "token"
path = "reason"
is = ["quota"]
means = "throttled"

[[failures]]
of = "token"
path = "reason"
is = ["app_suspended"]
means = "misconfigured"

[[failures]]
of = "token"
path = "reason"
is = ["maintenance"]
means = "down"

[[failures]]
of = "api"
status = [200]
path = "error"
is = ["token_revoked"]
means = "revoked"

[[failures]]
of = "api"
status = [403]
path = "error"
is = ["session_expired"]
means = "expired"
"#;

/// A world whose Acme says things in words of its own.
async fn world() -> (World, Value) {
    let world = World::start(Options { worker: false, ..Options::default() }).await;
    let installed = std::fs::read_to_string(root().join("plugins/acme/provider.toml")).unwrap();
    let data = pushing::without_code(&installed);
    let wish = json!({ "manifest": format!("{data}{RULES}") });
    world.key().request(Method::PUT, "/v1/providers/acme").json(&wish).send().await.ok();
    let integration = world.acme_integration().await;
    (world, integration)
}

fn status(status: u16, body: Value) -> Fault {
    Fault::Status { status, retry_after: None, body: Some(body) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_5_the_token_endpoints_own_words() {
    let (world, integration) = world().await;
    for (number, (fault, answer, health)) in [
        (status(200, json!({ "error": { "code": 190 } })), (409, "needs_reauth"), "needs_reauth revoked"),
        (status(403, json!({ "message": "Revoked by the merchant." })), (409, "needs_reauth"), "needs_reauth revoked"),
        (status(400, json!({ "error": "x", "reason": "quota" })), (502, "provider_unreachable"), "active"),
        (status(403, json!({ "error": "x", "reason": "app_suspended" })), (409, "conflict"), "active"),
        // Whatever the code says.
        (
            status(400, json!({ "error": "invalid_grant", "reason": "maintenance" })),
            (502, "provider_unreachable"),
            "active",
        ),
        (status(400, json!({ "error": "invalid_grant" })), (409, "needs_reauth"), "needs_reauth revoked"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = world.connect_acme(&integration, &format!("merchant-{number}"), "shop_north").await;
        world
            .sql("UPDATE credentials SET expires_at = now() - interval '1 s', updated_at = now() - interval '1 h'")
            .await;
        world.forget_credentials();
        next_token_request(&world, fault.clone());
        let said = world.key().get(&format!("/v1/connections/{id}/credential")).await;
        said.problem(answer.0, answer.1);
        let shown = world.key().get(&format!("/v1/connections/{id}")).await.ok();
        let state = format!(
            "{} {}",
            shown["health"]["state"].as_str().unwrap(),
            shown["health"]["cause"].as_str().unwrap_or_default()
        );
        assert_eq!(state.trim(), health, "{fault:?}: {shown}");
        let uuid = world.one(&format!("SELECT max(subject) FROM audit WHERE subject = '{id}' AND action IN ('connection.needs_reauth', 'connection.refresh_failed')")).await;
        assert_eq!(uuid, id, "{fault:?} is audited");
        world.sql("DELETE FROM credentials").await;
        world.acme().control(acme::Command::Reset).unwrap();
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_5_the_apis_own_words() {
    let (world, integration) = world().await;
    let id = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    let key = world.key();
    let call =
        async |method: Method| key.request(method, "/v1/proxy/me").header("patchbay-connection", &id).send().await;
    let once = |fault| world.acme().misbehave(Misbehaviour { path: "/me".into(), skip: 0, times: 1, fault });
    world.acme().control(acme::Command::Reset).unwrap();

    // Another word in the same place is the caller's to read.
    once(status(403, json!({ "error": "not_yours" })));
    let answer = call(Method::GET).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (403, Some("not_yours")), "{answer}");
    assert_eq!(refreshes(&world), 0);

    // One that says that the token is over: a newer one is fetched, once the token is no longer a new one.
    world.sql("UPDATE credentials SET updated_at = now() - interval '10 minutes'").await;
    world.forget_credentials();
    once(status(403, json!({ "error": "session_expired" })));
    assert_eq!(call(Method::GET).await.status, 200);
    assert_eq!(refreshes(&world), 1);

    // One that says that the grant is gone, in a 200.
    once(status(200, json!({ "ok": false, "error": "token_revoked" })));
    call(Method::GET).await.problem(409, "needs_reauth");
    let shown = key.get(&format!("/v1/connections/{id}")).await.ok();
    assert_eq!(
        (&shown["health"]["state"], &shown["health"]["cause"]),
        (&json!("needs_reauth"), &json!("revoked")),
        "{shown}"
    );
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'connection.needs_reauth'").await, "1");
    world.end().await;
}
