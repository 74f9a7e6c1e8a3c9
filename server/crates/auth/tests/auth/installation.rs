use chrono::TimeDelta;
use domain::manifest::Manifest;
use patchbay_auth::{Beginning, Failure, Material, Revocation, callback};

use crate::{
    fixture::{Around, account, form, json, manifest, now},
    server::{Received, Server, Step},
};

const SECRETS: [(&str, &str); 2] = [("app_key", "canary-app-key"), ("client_secret", "canary-client")];

fn provider(server: &Server, more: &str) -> Manifest {
    manifest(
        server,
        &format!(
            r#"
            [variables.app_key]
            type = "secret"
            at = "integration"
            label = "Key"
            [auth]
            mode = "app_installation"
            install_url = "@/install?app=1"
            token_paths = {{ access_token = "token", expires_at = "expires_at" }}
            [auth.jwt]
            algorithm = "HS256"
            key = "{{app_key}}"
            claims = {{ iss = "app", inst = "{{installation_id}}" }}
            [auth.token]
            method = "POST"
            url = "@/installations/{{installation_id}}/token"
            headers = {{ Authorization = "Bearer {{jwt}}" }}
            {more}
            [api]
            base_url = "@/"
            [identity]
            url = "/who"
            account = "id"
            [revocation]
            call = {{ method = "DELETE", url = "@/installations/{{installation_id}}", headers = {{ Authorization = "Bearer {{jwt}}" }} }}
            "#
        ),
    )
}

const USER: &str = r#"
[auth.user]
token_url = "@/user-token"
[auth.installations]
call = { url = "@/user/installations", headers = { Authorization = "Bearer {access_token}" } }
items = "installations"
id = "id"
"#;

fn good(request: &Received) -> Vec<Step> {
    match request.target.as_str() {
        "/installations/42/token" => json(201, &[], r#"{"token":"canary-i","expires_at":"2027-01-15T09:00:00Z"}"#),
        "/installations/42" => json(204, &[], ""),
        "/user-token" => json(200, &[], r#"{"access_token":"canary-u"}"#),
        "/user/installations" => json(200, &[], r#"{"installations":[{"id":41},{"id":42}]}"#),
        "/who" => json(200, &[], &format!(r#"{{"id":"{}"}}"#, request.header("authorization").unwrap())),
        other => panic!("{other}"),
    }
}

async fn install(server: &Server, more: &str, query: &str) -> Result<Material, Failure> {
    let (provider, around) = (provider(server, more), Around::new());
    let mut account = account(&provider, &SECRETS);
    let Beginning::Browser(begun) = account.begin(around.out()).await.unwrap() else { panic!() };
    let state = begun.state.expose();
    assert_eq!(begun.url.query(), Some(format!("app=1&state={state}").as_str()));
    let callback = callback::parse(&format!("state={state}&{query}")).unwrap();
    account.finish(around.out(), &begun.kept, &callback).await
}

#[tokio::test]
async fn a_8_an_installation_gives_tokens_again_and_again() {
    let server = Server::start(good).await;
    let material = install(&server, "", "installation_id=42&setup_action=install").await.unwrap();
    let tokens = material.tokens.as_ref().unwrap();
    assert_eq!(tokens.access_token.expose(), "canary-i");
    assert_eq!(tokens.expires_at, Some(now() + TimeDelta::hours(1)));
    let sealed = Material::from_bytes(&material.to_bytes()).unwrap();
    let (provider, around) = (provider(&server, ""), Around::new());
    let mut account = account(&provider, &SECRETS);
    assert!(account.is_renewable(&sealed));
    let renewed = account.renew(around.out(), &sealed).await.unwrap();
    account.renew(around.out(), &renewed).await.unwrap();
    let who = account.identify(around.out(), &renewed).await.unwrap().unwrap();
    assert_eq!(who.account.len(), "Bearer canary-i".len(), "asked with the installation's token, masked in the answer");
    assert_eq!(account.revoke(around.out(), &renewed).await.unwrap(), Revocation::Done);
    let received = server.received();
    let targets: Vec<&str> = received.iter().map(|r| r.target.as_str()).collect();
    let token = "/installations/42/token";
    assert_eq!(targets, [token, token, token, "/who", "/installations/42"]);
    let jwt = received[0].header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
    let claims =
        base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, jwt.split('.').nth(1).unwrap())
            .unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!((claims["iss"].as_str(), claims["inst"].as_str()), (Some("app"), Some("42")));
    assert!(received[4].header("authorization").unwrap().starts_with("Bearer ey"), "let go with the app's JWT");
}

#[tokio::test]
async fn a_8_together_with_the_consent_of_the_person_who_installs() {
    let server = Server::start(good).await;
    let material = install(&server, USER, "installation_id=42&code=c1").await.unwrap();
    let received = server.received();
    let sent = form(&received[0]);
    assert_eq!((sent["code"].as_str(), sent["grant_type"].as_str()), ("c1", "authorization_code"));
    assert_eq!(received[1].header("authorization"), Some("Bearer canary-u"));
    let (provider, around) = (provider(&server, USER), Around::new());
    let mut account = account(&provider, &SECRETS);
    account.identify(around.out(), &material).await.unwrap();
    assert_eq!(server.received()[3].header("authorization"), Some("Bearer canary-u"), "whose account it is, they say");
    let credential = account.credential(&material).unwrap().unwrap();
    assert!(credential.masker().finds("canary-i"), "calls carry the installation's token");
    let renewed = account.renew(around.out(), &material).await.unwrap();
    account.identify(around.out(), &renewed).await.unwrap();
    assert_eq!(server.received()[5].header("authorization"), Some("Bearer canary-i"), "theirs is not kept for ever");
}

#[tokio::test]
async fn a_8_nobody_connects_the_installation_of_somebody_else() {
    let server = Server::start(good).await;
    for (query, code) in [
        ("installation_id=43&code=c1", "foreign_installation"),
        ("installation_id=42", "no_code"),
        ("installation_id=4&code=c1", "foreign_installation"),
    ] {
        let failure = install(&server, USER, query).await.unwrap_err();
        assert!(matches!(&failure, Failure::Refused { code: found, .. } if found == code), "{query}: {failure:?}");
    }
    assert!(server.received().iter().all(|request| !request.target.ends_with("/token")), "no token was asked for");
}

#[tokio::test]
async fn a_8_only_what_is_an_id_goes_into_a_url() {
    let server = Server::start(good).await;
    for query in [
        "setup_action=install",
        "installation_id=",
        "installation_id=..%2F42",
        "installation_id=4%202",
        "installation_id=42%3Fx",
    ] {
        let failure = install(&server, "", query).await.unwrap_err();
        assert!(matches!(&failure, Failure::Refused { code, .. } if code == "no_installation"), "{query}: {failure:?}");
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn c_5_an_app_that_was_removed_asks_for_a_reconnect() {
    for (status, body, code) in [
        (404, r#"{"message":"Not Found"}"#, "revoked"),
        (401, r#"{"message":"A JSON web token could not be decoded canary-app-key"}"#, "refused"),
        (200, "{}", "bad_answer"),
        (503, "", "provider_down"),
    ] {
        let server = Server::start(move |_| json(status, &[], body)).await;
        let failure = install(&server, "", "installation_id=42").await.unwrap_err();
        assert_eq!(failure.code(), code, "{status} {body}: {failure:?}");
    }
}
