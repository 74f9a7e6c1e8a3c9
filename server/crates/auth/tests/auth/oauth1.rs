use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{manifest::Manifest, secret::Secret};
use patchbay_auth::{Beginning, Begun, Failure, Material, Misconfigured, TokenSet, callback};

use crate::{
    fixture::{Around, account, manifest},
    server::{Received, Server, answer},
};

const SECRETS: [(&str, &str); 1] = [("client_secret", "canary&consumer")];

fn provider(server: &Server) -> Manifest {
    manifest(
        server,
        r#"
        [variables.user]
        type = "text"
        at = "answer"
        label = "User"
        from = "token.user_id"
        optional = true
        [auth]
        mode = "oauth1"
        request_token_url = "@/request"
        authorization_url = "@/authorize?lang=en"
        token_url = "@/access"
        authorize_params = { perms = "read" }
        [api]
        base_url = "@/"
        [identity]
        url = "/me?full=1&x=a%20b"
        account = "id"
        "#,
    )
}

/// The parameters of an `Authorization: OAuth` header, decoded.
fn oauth(request: &Received) -> BTreeMap<String, String> {
    let header = request.header("authorization").unwrap().strip_prefix("OAuth ").unwrap();
    let pairs = header.split(", ").map(|part| part.split_once('=').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), decoded(value.trim_matches('"')))).collect()
}

fn decoded(text: &str) -> String {
    // A plus is a plus in a header.
    url::form_urlencoded::parse(text.replace('+', "%2B").as_bytes())
        .next()
        .map(|(n, _)| n.into_owned())
        .unwrap_or_default()
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
        .replace('*', "%2A")
        .replace("%7E", "~")
}

/// Checks the signature as a provider would, by RFC 5849 §3.4 read anew.
fn is_signed(request: &Received, server: &Server, token_secret: &str) -> bool {
    let mut parameters = oauth(request);
    let signature = parameters.remove("oauth_signature").unwrap();
    let url = server.url(&request.target);
    let mut all: Vec<(String, String)> =
        parameters.into_iter().chain(url.query_pairs().into_owned()).map(|(n, v)| (encoded(&n), encoded(&v))).collect();
    all.sort();
    let joined = all.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("&");
    let base = format!("{}&{}&{}", request.method, encoded(server.url(url.path()).as_str()), encoded(&joined));
    let key = format!("{}&{}", encoded("canary&consumer"), encoded(token_secret));
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    hmac::verify(&key, base.as_bytes(), &STANDARD.decode(signature).unwrap()).is_ok()
}

async fn begin(server: &Server) -> Result<Begun, Failure> {
    let (provider, around) = (provider(server), Around::new());
    match account(&provider, &SECRETS).begin(around.out()).await? {
        Beginning::Browser(begun) => Ok(begun),
        _ => panic!("it goes over the provider's page"),
    }
}

async fn finish(server: &Server, begun: &Begun, query: &str) -> Result<(Material, Option<String>), Failure> {
    let (provider, around) = (provider(server), Around::new());
    let mut account = account(&provider, &SECRETS);
    let callback = callback::parse(&format!("state={}&{query}", begun.state.expose())).unwrap();
    let material = account.finish(around.out(), &begun.kept, &callback).await?;
    Ok((material, account.variables.get("user").cloned()))
}

fn good(request: &Received) -> Vec<crate::server::Step> {
    match request.target.split('?').next().unwrap() {
        "/request" => {
            answer(200, &[], "oauth_token=temp%2F1&oauth_token_secret=canary-temp&oauth_callback_confirmed=true")
        }
        "/access" => {
            answer(200, &[], "oauth_token=token-1&oauth_token_secret=canary-s&user_id=7&oauth_expires_in=3600")
        }
        _ => answer(200, &[], r#"{"id":"me"}"#),
    }
}

#[tokio::test]
async fn a_4_the_whole_way_in_and_a_signed_call() {
    let server = Server::start(good).await;
    let begun = begin(&server).await.unwrap();
    let shown: BTreeMap<String, String> = begun.url.query_pairs().into_owned().collect();
    assert_eq!(
        (shown["oauth_token"].as_str(), shown["perms"].as_str(), shown["lang"].as_str()),
        ("temp/1", "read", "en")
    );
    assert!(!begun.url.as_str().contains("canary"));
    let (material, user) = finish(&server, &begun, "oauth_token=temp%2F1&oauth_verifier=ver").await.unwrap();
    let tokens = material.tokens.as_ref().unwrap();
    assert_eq!(tokens.access_token.expose(), "token-1");
    assert_eq!(tokens.expires_at, Some(crate::fixture::now() + chrono::TimeDelta::hours(1)));
    assert_eq!(user.as_deref(), Some("7"));
    assert!(!format!("{material:?}").contains("canary"));

    let (provider, around) = (provider(&server), Around::new());
    let mut connected = account(&provider, &SECRETS);
    let identity = connected.identify(around.out(), &material).await.unwrap().unwrap();
    assert_eq!(identity.account, "me");
    assert!(!connected.is_renewable(&material));

    let received = server.received();
    let [asked, exchanged, called] = [&received[0], &received[1], &received[2]];
    let callback = &oauth(asked)["oauth_callback"];
    assert_eq!(callback, &format!("https://connect.example/callback/1?state={}", begun.state.expose()));
    assert!(!oauth(asked).contains_key("oauth_token"));
    assert_eq!(oauth(exchanged)["oauth_verifier"], "ver");
    assert_eq!(oauth(called)["oauth_token"], "token-1");
    assert!(is_signed(asked, &server, ""));
    assert!(is_signed(exchanged, &server, "canary-temp"));
    assert!(is_signed(called, &server, "canary-s"));
    assert!(!is_signed(called, &server, "other"));
    for request in &received {
        assert!(!format!("{request:?}").contains("canary"), "no secret leaves");
    }
}

#[tokio::test]
async fn oa_3_a_consent_to_another_request_is_not_exchanged() {
    let server = Server::start(good).await;
    let begun = begin(&server).await.unwrap();
    for query in ["oauth_token=other&oauth_verifier=ver", "oauth_verifier=ver"] {
        let failure = finish(&server, &begun, query).await.unwrap_err();
        assert!(matches!(failure, Failure::IssuerMismatch), "{failure:?}");
    }
    assert_eq!(server.received().len(), 1, "no token was asked for");
    let denied = finish(&server, &begun, "denied=temp%2F1").await.unwrap_err();
    assert!(matches!(denied, Failure::Refused { code, .. } if code == "access_denied"));
    let bare = finish(&server, &begun, "oauth_token=temp%2F1").await.unwrap_err();
    assert_eq!(bare.code(), "refused");
}

#[tokio::test]
async fn c_5_refusals_before_the_consent_are_the_clients_own() {
    for (status, body, code) in [
        (200, "oauth_token=t&oauth_token_secret=s", "client_misconfigured"),
        (200, "oauth_token=t&oauth_token_secret=s&oauth_callback_confirmed=false", "client_misconfigured"),
        (200, "oauth_callback_confirmed=true", "bad_answer"),
        (200, "", "bad_answer"),
        (200, "<html>", "bad_answer"),
        (200, "oauth_problem=consumer_key_unknown", "client_misconfigured"),
        (401, "oauth_problem=signature_invalid&oauth_problem_advice=x", "client_misconfigured"),
        (401, "oauth_problem=nonce_used", "provider_down"),
        (401, "Failed to validate oauth signature and token", "client_misconfigured"),
        (401, r#"{"errors":[{"code":32,"message":"Could not authenticate you."}]}"#, "client_misconfigured"),
        (400, "oauth_problem=parameter_absent", "client_misconfigured"),
        (429, "", "throttled"),
        (503, "", "provider_down"),
    ] {
        let server = Server::start(move |_| answer(status, &[], body)).await;
        let failure = begin(&server).await.unwrap_err();
        assert_eq!(failure.code(), code, "{status} {body}: {failure:?}");
    }
}

#[tokio::test]
async fn c_5_refusals_after_it_are_about_the_consent() {
    for (status, body, code) in [
        (401, "oauth_problem=token_rejected", "revoked"),
        (401, "Invalid verifier canary-temp", "revoked"),
        (401, "oauth_problem=consumer_key_unknown", "client_misconfigured"),
        (200, "oauth_problem=verifier_invalid", "revoked"),
        (200, "oauth_token=", "bad_answer"),
        (500, "", "provider_down"),
    ] {
        let server = Server::start(move |request| match request.target.as_str() {
            "/request" => good(request),
            _ => answer(status, &[], body),
        })
        .await;
        let begun = begin(&server).await.unwrap();
        let failure = finish(&server, &begun, "oauth_token=temp%2F1&oauth_verifier=ver").await.unwrap_err();
        assert_eq!(failure.code(), code, "{status} {body}: {failure:?}");
        assert!(!format!("{failure} {failure:?}").contains("canary"));
    }
}

#[tokio::test]
async fn a_4_without_its_secret_nothing_is_asked() {
    let server = Server::start(good).await;
    let (provider, around) = (provider(&server), Around::new());
    let nothing = account(&provider, &[]).begin(around.out()).await.map(|_| ()).unwrap_err();
    assert!(matches!(nothing, Failure::ClientMisconfigured(Misconfigured::Request(_))), "{nothing:?}");
    assert!(server.received().is_empty());
    // A token that was brought along signs as well.
    let brought = Material::of(TokenSet::bare(Secret::new("token-1")).with_token_secret(&Secret::new("canary-s")));
    account(&provider, &SECRETS).identify(around.out(), &brought).await.unwrap();
    assert!(is_signed(&server.received()[0], &server, "canary-s"));
}
