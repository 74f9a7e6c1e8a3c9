use std::time::Duration;

use patchbay_auth::{Failure, Introspection, Material, Revocation, TokenSet};

use crate::{
    fixture::{Around, account, always, client, form, json, manifest, now, tokens},
    server::Server,
};

#[tokio::test]
async fn oa_8_the_refresh_token_goes_first() {
    let server = always(200, &[], "").await;
    assert_eq!(client(&server).revoke(Around::new().out(), &tokens()).await.unwrap(), Revocation::Done);
    let sent: Vec<(String, String)> =
        server.received().iter().map(form).map(|f| (f["token"].clone(), f["token_type_hint"].clone())).collect();
    let expected = [("canary-old-refresh", "refresh_token"), ("canary-old-access", "access_token")];
    assert_eq!(sent, expected.map(|(t, h)| (t.to_owned(), h.to_owned())));
    assert_eq!(server.received()[0].target, "/revoke");
    assert!(form(&server.received()[0]).contains_key("client_secret"));
}

#[tokio::test]
async fn oa_8_503_comes_back_with_its_wait() {
    let server = always(503, &[("retry-after", "7")], "").await;
    let failure = client(&server).revoke(Around::new().out(), &tokens()).await.unwrap_err();
    assert!(matches!(failure, Failure::ProviderDown { .. }));
    assert_eq!(failure.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn c_7_what_is_gone_counts_as_revoked_and_what_cannot_be_is_said() {
    let gone = always(400, &[], r#"{"error":"invalid_token"}"#).await;
    assert_eq!(client(&gone).revoke(Around::new().out(), &tokens()).await.unwrap(), Revocation::Done);
    let only_refresh = Server::start(|request| match form(request)["token_type_hint"].as_str() {
        "access_token" => json(400, &[], r#"{"error":"unsupported_token_type"}"#),
        _ => json(200, &[], ""),
    })
    .await;
    assert_eq!(client(&only_refresh).revoke(Around::new().out(), &tokens()).await.unwrap(), Revocation::Done);
    let only_access = TokenSet { refresh_token: None, ..tokens() };
    assert!(client(&only_refresh).revoke(Around::new().out(), &only_access).await.is_err());
    let stranger = always(401, &[], r#"{"error":"invalid_client"}"#).await;
    let failure = client(&stranger).revoke(Around::new().out(), &tokens()).await.unwrap_err();
    assert!(matches!(failure, Failure::ClientMisconfigured(_)));
    let mut none = client(&stranger);
    none.revocation_url = None;
    assert_eq!(none.revoke(Around::new().out(), &tokens()).await.unwrap(), Revocation::Unsupported);
}

#[tokio::test]
async fn a_1_a_token_is_asked_about() {
    let rest = r#"
        [auth]
        mode = "oauth2_code"
        authorization_url = "@/authorize"
        token_url = "@/token"
        introspection_url = "@/introspect"
        [api]
        base_url = "@/"
    "#;
    let ask = async |server: &Server| {
        let manifest = manifest(server, rest);
        let account = account(&manifest, &[("client_secret", "canary-secret")]);
        account.introspect(Around::new().out(), &Material::of(tokens())).await
    };
    let active = always(200, &[], r#"{"active":true,"exp":1800000060,"scope":"read  write"}"#).await;
    let expected = Introspection {
        is_active: true,
        expires_at: Some(now() + chrono::TimeDelta::seconds(60)),
        scopes: Some(vec!["read".into(), "write".into()]),
    };
    assert_eq!(ask(&active).await.unwrap(), Some(expected));
    let sent = form(&active.received()[0]);
    assert_eq!((active.received()[0].target.as_str(), sent["token"].as_str()), ("/introspect", "canary-old-access"));
    assert_eq!(sent["client_secret"], "canary-secret");
    let gone = ask(&always(200, &[], r#"{"active":false}"#).await).await.unwrap().unwrap();
    assert!(!gone.is_active && gone.expires_at.is_none());
    for (status, body) in [(200, "<html>"), (200, "{}"), (200, r#"{"active":"yes"}"#), (500, ""), (401, "")] {
        assert!(ask(&always(status, &[], body).await).await.is_err(), "{status} {body}");
    }
    let manifest = manifest(&active, &rest.replace("introspection_url = \"@/introspect\"", ""));
    let known = account(&manifest, &[]).introspect(Around::new().out(), &Material::of(tokens())).await;
    assert_eq!(known.unwrap(), None);
}
