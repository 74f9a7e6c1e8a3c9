use std::{collections::BTreeMap, sync::atomic::AtomicU8};

use patchbay_auth::{Begun, Failure, Misconfigured};

use crate::{
    fixture::{Counting, always, client},
    server::Server,
};

fn query(begun: &Begun) -> BTreeMap<String, String> {
    begun.url.query_pairs().into_owned().collect()
}

async fn server() -> Server {
    always(200, &[], "{}").await
}

#[tokio::test]
async fn oa_2_every_flow_has_its_own_state_and_s256_challenge() {
    let client = client(&server().await);
    let entropy = Counting(AtomicU8::new(0));
    let (one, two) = (client.begin(&entropy).unwrap(), client.begin(&entropy).unwrap());
    let sent = query(&one);
    assert_eq!(sent["response_type"], "code");
    assert_eq!(sent["client_id"], "client:1");
    assert_eq!(sent["redirect_uri"], "https://connect.example/callback/1");
    assert_eq!(sent["scope"], "read write");
    assert_eq!(sent["state"], one.state.expose());
    assert_eq!(sent["code_challenge_method"], "S256");
    let verifier = one.kept.0["verifier"].expose();
    assert_eq!((one.state.expose().len(), verifier.len(), sent["code_challenge"].len()), (43, 43, 43));
    assert_ne!(sent["code_challenge"], verifier);
    assert_ne!(one.state, two.state);
    assert_ne!(one.kept, two.kept);
    assert!(!one.url.as_str().contains("canary"), "no client secret in a URL");
    assert!(!format!("{one:?}").contains(one.state.expose()));
}

#[tokio::test]
async fn a_1_the_manifest_bends_the_authorize_url() {
    let mut client = client(&server().await);
    client.pkce = false;
    client.scope_separator = ",".into();
    client.resource = vec!["https://api.example/".into()];
    client.authorization_url.as_mut().unwrap().set_query(Some("tenant=a"));
    client.authorize_params = [("access_type".into(), "offline".into())].into();
    let begun = client.begin(&Counting(AtomicU8::new(0))).unwrap();
    let sent = query(&begun);
    assert_eq!(sent["scope"], "read,write");
    assert_eq!((sent["tenant"].as_str(), sent["access_type"].as_str()), ("a", "offline"));
    assert_eq!(sent["resource"], "https://api.example/");
    assert!(begun.kept.0.is_empty() && !sent.contains_key("code_challenge"));
    client.scopes.clear();
    assert!(!query(&client.begin(&Counting(AtomicU8::new(0))).unwrap()).contains_key("scope"));
}

#[tokio::test]
async fn oa_1_extra_parameters_cannot_replace_the_protocols() {
    let mut client = client(&server().await);
    client.authorize_params = [("state".into(), "fixed".into())].into();
    let refused = client.begin(&Counting(AtomicU8::new(0))).unwrap_err();
    assert!(matches!(refused, Failure::ClientMisconfigured(Misconfigured::Parameter(name)) if name == "state"));
}

#[tokio::test]
async fn a_1_parameters_go_by_the_providers_names() {
    let mut client = client(&server().await);
    client.rename = [("client_id".into(), "client_key".into()), ("scope".into(), "user_scope".into())].into();
    // Free now that the protocol's own goes by another name.
    client.authorize_params = [("scope".into(), "bot".into()), ("redirect_uri".into(), "Name-of-it".into())].into();
    let sent = query(&client.begin(&Counting(AtomicU8::new(0))).unwrap());
    assert_eq!((sent["client_key"].as_str(), sent["user_scope"].as_str()), ("client:1", "read write"));
    assert_eq!((sent["scope"].as_str(), sent["redirect_uri"].as_str()), ("bot", "Name-of-it"));
    assert!(!sent.contains_key("client_id"));
    client.authorize_params = [("client_key".into(), "another".into())].into();
    let refused = client.begin(&Counting(AtomicU8::new(0))).unwrap_err();
    assert!(matches!(refused, Failure::ClientMisconfigured(Misconfigured::Parameter(name)) if name == "client_key"));
}
