//! Secrets that pass through everything must show up nowhere.

use acme::{Fault, Misbehaviour};
use http::Method;
use serde_json::json;

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_2_no_secret_in_log_database_or_problem() {
    let world = World::start(Options { keys: KeysOf::SharedVault, ..Options::default() }).await;
    let sink = Sink::start().await;
    let key = world.key();
    let endpoint = key.post("/v1/endpoints", &json!({ "url": sink.url() })).await.ok();
    let integration = world.acme_integration().await;
    let (session, browser) = ConnectBrowser::open(&key, world.origin(), "merchant-17").await;
    let token = session["token"].as_str().unwrap();
    let launched = browser.launch(world.origin(), token, integration["id"].as_str().unwrap(), "redirect").await;
    let authorization = leads_to(&launched, world.acme().origin());
    let state = authorization.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let callback = Consent::default().at_acme(&authorization, "shop_north", "allow").await;
    let code = callback.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    assert_eq!(browser.get(callback.as_str()).await.screen(), "callback-connected");
    let session = key.get(&format!("/v1/connect/sessions/{}", session["id"].as_str().unwrap())).await.ok();
    let connection = session["connection_id"].as_str().unwrap();
    world.synced(connection).await;
    let credential = format!("/v1/connections/{connection}/credential");
    let access_token = key.get(&credential).await.ok()["access_token"].as_str().unwrap().to_owned();

    // Failures of every kind on the way, whose words are kept.
    let mut problems = String::new();
    let mut ask = async |method: Method, path: &str| {
        let answer = key.request(method, path).header("patchbay-connection", connection).send().await;
        if answer.status >= 400 {
            problems.push_str(&answer.text());
        }
        answer
    };
    let reflected = ask(Method::GET, "/v1/proxy/echo").await;
    assert_eq!(reflected.status, 200, "{reflected}");
    for fault in [Fault::WrongJson, Fault::Cut, Fault::Status { status: 500, retry_after: None, body: None }] {
        world.acme().misbehave(Misbehaviour { path: "/token".into(), skip: 0, times: 1, fault });
        world.sql("UPDATE credentials SET expires_at = now() - interval '1 s', updated_at = now() - interval '1 h', refresh_not_before = NULL").await;
        world.forget_credentials();
        ask(Method::GET, &credential).await;
    }
    ask(Method::GET, "/v1/proxy/http://169.254.169.254/latest").await;
    world.acme().control(acme::Command::Reset).unwrap();
    let stranger = world.anonymous();
    let refused = stranger.request(Method::GET, "/v1/connections");
    let refused = refused.header("authorization", &format!("Bearer {access_token}")).send().await;
    problems.push_str(&refused.text());
    assert!(!problems.is_empty(), "nothing failed");

    let webhook_secret = endpoint["secret"].as_str().unwrap();
    let secrets = [
        ("the integration's client secret", "acme-client-secret-of-the-tests"),
        ("an access token", access_token.as_str()),
        ("an authorization code", code.as_str()),
        ("a state", state.as_str()),
        ("a connect session's token", token),
        ("an API key", world.tenant().secret.as_str()),
        ("the operator's token", OPERATOR_TOKEN),
        ("an endpoint's secret", webhook_secret.trim_start_matches("whsec_")),
        ("a member's password", world.password()),
    ];
    let (log, dump) = (captured(), world.database().dump().await);
    assert!(log.contains(connection), "the log is captured");
    assert!(dump.contains("merchant-17"), "the dump is one");
    for (what, secret) in secrets {
        for (place, text) in [("the log", &log), ("the database", &dump), ("a problem", &problems)] {
            if let Some(at) = text.find(secret) {
                let from = text.floor_char_boundary(at.saturating_sub(200));
                panic!("{what} is in {place}: …{}", &text[from..at]);
            }
        }
    }
    world.sql("UPDATE credentials SET lease_until = NULL").await;
    world.end().await;
}
