use std::time::Duration;

use chrono::TimeDelta;
use domain::{
    manifest::{ClientAuth, TokenBody},
    secret::Secret,
};
use egress::Reach;
use patchbay_auth::{Failure, Kept, Misconfigured, OAuth2Client, TokenSet, answer::Unreadable, callback};

use crate::{
    fixture::{Around, CLIENT_SECRET, account, always, client, form, json, manifest, now},
    server::{Server, Step, answer},
};

async fn exchange(client: &OAuth2Client) -> Result<TokenSet, Failure> {
    let around = Around::new();
    client.exchange(around.out(), &Secret::new("canary-the-code"), &kept(), None).await
}

/// What the flow began with.
fn kept() -> Kept {
    let verifier = Secret::new("canary-verifier-of-forty-three-characters-00");
    Kept([("verifier".to_owned(), verifier)].into())
}

const GOOD: &str =
    r#"{"access_token":"at","refresh_token":"rt","expires_in":3600,"token_type":"bearer","scope":"read"}"#;

#[tokio::test]
async fn a_1_a_code_becomes_tokens_with_the_client_in_the_body() {
    let server = always(200, &[], GOOD).await;
    let mut client = client(&server);
    client.token_params = [("audience".into(), Secret::new("a b"))].into();
    let tokens = exchange(&client).await.unwrap();
    assert_eq!((tokens.access_token.expose(), tokens.refresh_token.unwrap().expose()), ("at", "rt"));
    assert_eq!(tokens.expires_at, Some(now() + TimeDelta::hours(1)));
    assert_eq!(tokens.scopes_granted, Some(vec!["read".into()]));
    let request = &server.received()[0];
    let sent = form(request);
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/token"));
    assert_eq!(sent["grant_type"], "authorization_code");
    assert_eq!(sent["code"], "canary-the-code");
    assert_eq!(sent["code_verifier"], "canary-verifier-of-forty-three-characters-00");
    assert_eq!(sent["redirect_uri"], "https://connect.example/callback/1");
    assert_eq!((sent["client_id"].as_str(), sent["client_secret"].as_str()), ("client:1", CLIENT_SECRET));
    assert_eq!(sent["audience"], "a b");
    assert_eq!(request.header("authorization"), None);
    assert_eq!(request.header("accept"), Some("application/json"));
}

#[tokio::test]
async fn a_1_the_client_in_a_basic_header_is_form_encoded_first() {
    let server = always(200, &[], GOOD).await;
    let mut client = client(&server);
    client.client_auth = ClientAuth::Basic;
    exchange(&client).await.unwrap();
    let request = &server.received()[0];
    let sent = request.header("authorization").unwrap().strip_prefix("Basic ").unwrap();
    let pair = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, sent).unwrap();
    assert_eq!(String::from_utf8(pair).unwrap(), "client%3A1:canary-client+secret%26%2F%2B");
    assert!(!form(request).contains_key("client_secret") && !form(request).contains_key("client_id"));
}

#[tokio::test]
async fn a_1_a_public_client_sends_its_id_alone() {
    let server = always(200, &[], GOOD).await;
    let mut client = client(&server);
    client.client_secret = None;
    exchange(&client).await.unwrap();
    let sent = form(&server.received()[0]);
    assert_eq!(sent["client_id"], "client:1");
    assert!(!sent.contains_key("client_secret"));
}

#[tokio::test]
async fn oa_3_another_issuer_is_refused_before_the_token_endpoint_is_called() {
    let server = always(200, &[], GOOD).await;
    let mut client = client(&server);
    client.expected_issuer = Some("https://issuer.example".into());
    let (around, code) = (Around::new(), Secret::new("code-of-somebody-else"));
    for iss in
        [None, Some(""), Some("https://issuer.example/"), Some("https://ISSUER.example"), Some("https://evil.example")]
    {
        let refused = client.exchange(around.out(), &code, &kept(), iss).await.unwrap_err();
        assert!(matches!(refused, Failure::IssuerMismatch), "{iss:?}");
    }
    assert!(server.received().is_empty());
    client.exchange(around.out(), &code, &kept(), Some("https://issuer.example")).await.unwrap();
}

/// Everything about a failure in one line.
fn said(failure: &Failure) -> String {
    format!("{failure} {failure:?}")
}

#[tokio::test]
async fn c_5_refusals_are_sorted_by_what_to_do() {
    for (status, body, code) in [
        (400, r#"{"error":"invalid_grant"}"#, "revoked"),
        (200, r#"{"error":"bad_verification_code","error_description":"x"}"#, "revoked"),
        (400, r#"{"error":"invalid_grant","error_description":"The code has EXPIRED"}"#, "expired"),
        (400, "error=invalid_grant&error_description=no", "revoked"),
        (401, r#"{"error":"invalid_client"}"#, "client_misconfigured"),
        (401, "", "client_misconfigured"),
        (200, r#"{"error":"incorrect_client_credentials"}"#, "client_misconfigured"),
        (400, r#"{"error":"unauthorized_client"}"#, "client_misconfigured"),
        (400, r#"{"error":"invalid_scope"}"#, "client_misconfigured"),
        (400, r#"{"error":"invalid_target"}"#, "client_misconfigured"),
        (400, r#"{"error":"slow_down"}"#, "throttled"),
        (429, "<html>", "throttled"),
        (503, "<html>", "provider_down"),
        (500, r#"{"error":"invalid_grant"}"#, "provider_down"),
        (502, "", "provider_down"),
        (400, r#"{"error":"temporarily_unavailable"}"#, "provider_down"),
        (400, r#"{"error":{"code":"strange","message":"m"}}"#, "refused"),
        (404, "<html>nothing here</html>", "refused"),
        (400, r#"{"access_token":"at"}"#, "refused"),
        (200, "", "bad_answer"),
        (200, "<!DOCTYPE html><title>Sign in</title>", "bad_answer"),
        (200, r#"{"token":"elsewhere"}"#, "bad_answer"),
        (302, "", "bad_answer"),
    ] {
        let failure = exchange(&client(&always(status, &[], body).await)).await.unwrap_err();
        assert_eq!(failure.code(), code, "{status} {body}: {failure:?}");
        assert_eq!(failure.needs_reconnect(), matches!(code, "revoked" | "expired"));
    }
}

#[tokio::test]
async fn c_5_retry_after_is_passed_on() {
    for (status, value) in [(429, "120"), (503, "Fri, 15 Jan 2027 08:02:00 GMT")] {
        let server = Server::start(move |_| json(status, &[("retry-after", value)], "{}")).await;
        let failure = exchange(&client(&server)).await.unwrap_err();
        assert_eq!(failure.retry_after(), Some(Duration::from_secs(120)), "{failure:?}");
    }
}

#[tokio::test]
async fn oa_4_what_we_sent_is_not_repeated_in_a_failure() {
    let server = Server::start(|request| {
        let sent = String::from_utf8_lossy(&request.body).into_owned();
        let plain: String = url::form_urlencoded::parse(&request.body).map(|(_, v)| format!("{v} ")).collect();
        let padding = "x".repeat(185);
        let body = serde_json::json!({"error": "weird", "error_description": format!("{padding}{plain} {sent}")});
        json(400, &[], &body.to_string())
    })
    .await;
    let failure = exchange(&client(&server)).await.unwrap_err();
    assert!(matches!(failure, Failure::Refused { .. }));
    assert!(!said(&failure).contains("canary"), "{failure:?}");
}

#[tokio::test]
async fn eg_1_endpoints_off_the_list_are_not_called() {
    let server = always(200, &[], GOOD).await;
    let mut client = client(&server);
    client.reach = Reach::hosts(["api.example.com"]).unwrap();
    let failure = exchange(&client).await.unwrap_err();
    assert!(matches!(failure, Failure::ClientMisconfigured(Misconfigured::Reach(_))), "{failure:?}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn ft_2_slow_cut_and_endless_answers() {
    let slow = Server::start(|_| vec![Step::Wait(Duration::from_secs(60))]).await;
    let cut = Server::start(|_| vec![Step::Close]).await;
    let endless = Server::start(|_| answer(200, &[], &" ".repeat(300 << 10))).await;
    for server in [slow, cut, endless] {
        let mut client = client(&server);
        client.deadline = Duration::from_millis(300);
        let failure = exchange(&client).await.unwrap_err();
        assert!(matches!(failure, Failure::ProviderDown { may_have_acted: true, .. }), "{failure:?}");
        assert!(!said(&failure).contains("canary"));
    }
    let nobody = Server::start(|_| vec![]).await;
    let mut client = client(&nobody);
    client.token_url.set_port(Some(1)).unwrap();
    client.reach = Reach::Any;
    let failure = exchange(&client).await.unwrap_err();
    assert!(matches!(failure, Failure::ProviderDown { may_have_acted: false, .. }), "{failure:?}");
    assert!(!failure.may_have_acted());
}

#[tokio::test]
async fn oa_4_a_redirecting_token_endpoint_does_not_get_the_secret_elsewhere() {
    let elsewhere = always(200, &[], GOOD).await;
    let to = elsewhere.url("/token").to_string();
    let server = Server::start(move |_| answer(307, &[("location", &to)], "")).await;
    let failure = exchange(&client(&server)).await.unwrap_err();
    assert!(matches!(failure, Failure::BadAnswer(Unreadable::Empty)), "{failure:?}");
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn a_1_the_token_request_speaks_the_providers_dialect() {
    let server = always(200, &[], GOOD).await;
    let mut client = client(&server);
    client.rename = [("client_id".into(), "app_id".into()), ("code".into(), "auth_code".into())].into();
    client.resource = vec!["https://a.example/".into(), "https://b.example/".into()];
    client.token_headers = [("x-api-version".into(), Secret::new("7"))].into();
    client.body = TokenBody::Json;
    exchange(&client).await.unwrap();
    client.body = TokenBody::Query;
    exchange(&client).await.unwrap();
    let received = server.received();
    let sent: serde_json::Value = serde_json::from_slice(&received[0].body).unwrap();
    assert_eq!(received[0].header("content-type"), Some("application/json"));
    assert_eq!(received[0].header("x-api-version"), Some("7"));
    assert_eq!((&sent["app_id"], &sent["auth_code"]), (&"client:1".into(), &"canary-the-code".into()));
    assert_eq!(sent["client_secret"], CLIENT_SECRET);
    assert_eq!(sent["resource"], serde_json::json!(["https://a.example/", "https://b.example/"]));
    assert!(sent.get("client_id").is_none() && sent.get("code").is_none());
    let query = received[1].target.strip_prefix("/token?").unwrap();
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    assert!(pairs.contains(&("auth_code".into(), "canary-the-code".into())), "{pairs:?}");
    assert_eq!(pairs.iter().filter(|(name, _)| name == "resource").count(), 2);
    assert!(received[1].body.is_empty() && received[1].method == "POST");
}

#[tokio::test]
async fn a_1_lifetimes_that_the_answer_leaves_out_come_from_the_manifest() {
    let server = always(200, &[], r#"{"access_token":"at","refresh_token":"rt","expires_in":-1}"#).await;
    let mut client = client(&server);
    client.expires_in = Some(Duration::from_secs(7_200));
    client.refresh_expires_in = Some(Duration::from_secs(86_400));
    let tokens = exchange(&client).await.unwrap();
    assert_eq!(tokens.expires_at, Some(now() + TimeDelta::hours(2)));
    assert_eq!(tokens.refresh_expires_at, Some(now() + TimeDelta::days(1)));
}

#[tokio::test]
async fn a_1_a_redirect_known_by_a_name_and_a_grant_of_the_providers_own() {
    let server = always(200, &[], GOOD).await;
    let mut client = client(&server);
    client.token_params =
        [("redirect_uri".into(), Secret::new("Name-of-it")), ("grant_type".into(), Secret::new("own"))].into();
    exchange(&client).await.unwrap();
    let request = &server.received()[0];
    let sent = String::from_utf8(request.body.clone()).unwrap();
    assert_eq!((sent.matches("redirect_uri=").count(), sent.matches("grant_type=").count()), (1, 1), "{sent}");
    assert_eq!((form(request)["redirect_uri"].as_str(), form(request)["grant_type"].as_str()), ("Name-of-it", "own"));
    for taken in ["code", "client_secret", "code_verifier", "resource", "client_assertion"] {
        client.token_params = [(taken.to_owned(), Secret::new("x"))].into();
        let refused = exchange(&client).await.unwrap_err();
        assert!(matches!(refused, Failure::ClientMisconfigured(Misconfigured::Parameter(name)) if name == taken));
    }
}

#[tokio::test]
async fn a_1_the_error_of_a_200_lies_where_the_manifest_says() {
    let server = always(200, &[], r#"{"access_token":"at","status":{"code":"E17","text":"no canary-the-code"}}"#).await;
    let mut client = client(&server);
    assert!(exchange(&client).await.is_ok());
    client.response.error = "status.code".into();
    client.response.error_description = "status.text".into();
    let refused = exchange(&client).await.unwrap_err();
    match &refused {
        Failure::Refused { code, description } => {
            assert_eq!((code.as_str(), description.as_deref()), ("E17", Some("no ***************")));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_1_a_callback_that_calls_the_code_otherwise() {
    let server = always(200, &[], GOOD).await;
    let rest = r#"
        [auth]
        mode = "oauth2_code"
        authorization_url = "@/authorize"
        token_url = "@/token"
        rename = { code = "auth_code" }
        callback_code_param = "auth_code"
        [api]
        base_url = "@/"
    "#;
    let (manifest, around) = (manifest(&server, rest), Around::new());
    let mut account = account(&manifest, &[]);
    let back = callback::parse("auth_code=c-7&state=s").unwrap();
    account.finish(around.out(), &Kept::default(), &back).await.unwrap();
    assert_eq!(form(&server.received()[0])["auth_code"], "c-7");
    let without = callback::parse("other=c-7&state=s").unwrap();
    assert!(account.finish(around.out(), &Kept::default(), &without).await.is_err());
    assert_eq!(server.received().len(), 1);
}
