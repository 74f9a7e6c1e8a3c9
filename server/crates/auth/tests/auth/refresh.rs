use chrono::TimeDelta;
use domain::secret::Secret;
use patchbay_auth::{Failure, TokenSet};

use crate::{
    fixture::{Around, always, client, form, now, tokens},
    server::Server,
};

#[tokio::test]
async fn c_4_no_refresh_token_in_the_answer_keeps_the_old_one() {
    let server = always(200, &[], r#"{"access_token":"new","expires_in":"60"}"#).await;
    let mut client = client(&server);
    client.refresh_params = [("extra".into(), Secret::new("1"))].into();
    client.resource = vec!["https://api.example/".into()];
    let new = client.refresh(Around::new().out(), &tokens()).await.unwrap();
    assert_eq!(new.access_token.expose(), "new");
    assert_eq!(new.refresh_token, tokens().refresh_token);
    assert_eq!(new.expires_at, Some(now() + TimeDelta::seconds(60)));
    assert_eq!((new.scopes_granted, new.extra["instance"].as_str()), (tokens().scopes_granted, Some("eu1")));
    let sent = form(&server.received()[0]);
    assert_eq!((sent["grant_type"].as_str(), sent["refresh_token"].as_str()), ("refresh_token", "canary-old-refresh"));
    assert_eq!(sent["extra"], "1");
    assert_eq!(sent["resource"], "https://api.example/", "oa_5: the resource is repeated");
}

#[tokio::test]
async fn c_4_a_rotated_refresh_token_replaces_the_old_one() {
    let server = always(200, &[], r#"{"access_token":"new","refresh_token":"rotated"}"#).await;
    let new = client(&server).refresh(Around::new().out(), &tokens()).await.unwrap();
    assert_eq!(new.refresh_token.unwrap().expose(), "rotated");
}

#[tokio::test]
async fn c_5_without_a_living_refresh_token_nothing_is_sent() {
    let server = always(200, &[], r#"{"access_token":"new"}"#).await;
    let client = client(&server);
    let none = TokenSet { refresh_token: None, ..tokens() };
    let over = TokenSet { refresh_expires_at: Some(now()), ..tokens() };
    for old in [none, over] {
        assert!(matches!(client.refresh(Around::new().out(), &old).await, Err(Failure::Expired)));
    }
    assert!(server.received().is_empty());
    let living = TokenSet { refresh_expires_at: Some(now() + TimeDelta::seconds(1)), ..tokens() };
    client.refresh(Around::new().out(), &living).await.unwrap();
}

#[tokio::test]
async fn oa_5_invalid_target_is_a_configuration_error() {
    let server = always(400, &[], r#"{"error":"invalid_target"}"#).await;
    let failure = client(&server).refresh(Around::new().out(), &tokens()).await.unwrap_err();
    assert!(matches!(failure, Failure::ClientMisconfigured(_)) && !failure.needs_reconnect());
}

#[tokio::test]
async fn oa_4_echoed_tokens_stay_out_of_the_failure() {
    let body = r#"{"error":"invalid_grant","error_description":"token canary-old-refresh is unknown"}"#;
    let failure = client(&always(400, &[], body).await).refresh(Around::new().out(), &tokens()).await.unwrap_err();
    assert!(matches!(&failure, Failure::Revoked { code } if code == "invalid_grant"));
    let echo = r#"{"error":"canary-old-refresh"}"#;
    let failure = client(&always(400, &[], echo).await).refresh(Around::new().out(), &tokens()).await.unwrap_err();
    assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
}

#[tokio::test]
async fn a_1_an_envelope_is_opened_by_path() {
    let body =
        r#"{"ok":true,"data":{"auth":{"token":"deep","again":"deep-r","ttl":7200,"scopes":["a","b"]},"team":7}}"#;
    let server = always(200, &[], body).await;
    let mut client = client(&server);
    client.response.access_token = "data.auth.token".into();
    client.response.refresh_token = "data.auth.again".into();
    client.response.expires_in = "data.auth.ttl".into();
    client.response.scope = "data.auth.scopes".into();
    let new = client.refresh(Around::new().out(), &tokens()).await.unwrap();
    assert_eq!((new.access_token, new.refresh_token), (Secret::new("deep"), Some(Secret::new("deep-r"))));
    assert_eq!(new.expires_at, Some(now() + TimeDelta::hours(2)));
    assert_eq!(new.scopes_granted, Some(vec!["a".into(), "b".into()]));
    let extra = serde_json::Value::Object(new.extra);
    assert!(!extra.to_string().contains("deep") && extra["data"]["team"] == 7, "{extra}");
}

#[tokio::test]
async fn a_1_a_refresh_goes_to_its_own_address_where_there_is_one() {
    let server = always(200, &[], r#"{"access_token":"new"}"#).await;
    let mut client = client(&server);
    client.refresh_url = Some(server.url("/again"));
    client.refresh(Around::new().out(), &tokens()).await.unwrap();
    assert_eq!(server.received()[0].target, "/again");
}

#[tokio::test]
async fn oa_5_what_is_ours_beside_the_tokens_is_not_the_providers_to_set() {
    let body =
        r#"{"access_token":"new","patchbay_mcp":{"issuer":"https://evil.example"},"patchbay_dpop_key":"x","team":1}"#;
    let server = always(200, &[], body).await;
    let mut old = tokens();
    old.extra.insert("patchbay_mcp".into(), "ours".into());
    let new = client(&server).refresh(Around::new().out(), &old).await.unwrap();
    assert_eq!((&new.extra["patchbay_mcp"], &new.extra["team"]), (&"ours".into(), &1.into()));
    assert!(!new.extra.contains_key("patchbay_dpop_key"));
}

#[tokio::test]
async fn c_5_a_refresh_that_fails_by_status_asks_nobody_to_reconnect() {
    let server = Server::start(|_| crate::fixture::json(503, &[("retry-after", "3")], "<html>")).await;
    let failure = client(&server).refresh(Around::new().out(), &tokens()).await.unwrap_err();
    assert!(!failure.needs_reconnect() && failure.may_have_acted(), "{failure:?}");
}
