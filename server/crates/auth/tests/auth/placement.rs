use domain::secret::Secret;
use patchbay_auth::{Failure, Material, Misconfigured, TokenSet};

use crate::{
    fixture::{Around, account, always, manifest},
    server::{Received, Server},
};

/// Asks for the identity with this placement, by POST with a JSON body, and gives what arrived.
async fn ask(placement: &str, secrets: &[(&str, &str)]) -> Result<Received, Failure> {
    let server = always(200, &[], r#"{"id":"me"}"#).await;
    let provider = manifest(
        &server,
        &format!(
            "[variables.key]\ntype = \"secret\"\nlabel = \"Key\"\n[variables.shop]\ntype = \"secret\"\nlabel = \"Shop\"\noptional = true\n\
             [auth]\nmode = \"key\"\n[api]\nbase_url = \"@/v1\"\n{placement}\n\
             [identity]\nmethod = \"POST\"\nurl = \"/me?x=1\"\naccount = \"id\"\njson = '{{\"q\": 1.0}}'\n",
        ),
    );
    let around = Around::new();
    let mut account = account(&provider, secrets);
    let material = account.enter(around.out()).await?;
    account.identify(around.out(), &material).await?;
    Ok(server.received().remove(0))
}

const KEY: [(&str, &str); 1] = [("key", "1:canary/..?#% ä")];

#[tokio::test]
async fn a_5_headers_query_and_basic() {
    let sent = ask("credential = { headers = { X-Key = \"k {key}\", X-Shop = \"{shop}\" } }", &[("key", "canary")])
        .await
        .unwrap();
    assert_eq!((sent.header("x-key"), sent.header("x-shop")), (Some("k canary"), None));
    let sent = ask("credential = { query = { key = \"{key}\" } }", &KEY).await.unwrap();
    assert_eq!(sent.target, "/v1/me?x=1&key=1%3Acanary%2F..%3F%23%25+%C3%A4");
    let sent = ask("credential = { basic = { username = \"{key}\" } }", &[("key", "canary")]).await.unwrap();
    assert_eq!(sent.header("authorization"), Some("Basic Y2FuYXJ5Og=="));
}

#[tokio::test]
async fn a_5_a_field_of_the_body() {
    let sent = ask("credential = { body = { client = \"a\", secret = \"{key}\" } }", &KEY).await.unwrap();
    assert_eq!(String::from_utf8(sent.body).unwrap(), "{\"q\":1.0,\"client\":\"a\",\"secret\":\"1:canary/..?#% ä\"}");
}

#[tokio::test]
async fn a_5_a_beginning_of_the_path_that_leads_nowhere_else() {
    let sent = ask("credential = { path = \"/bot{key}\" }", &KEY).await.unwrap();
    assert_eq!(sent.target, "/v1/bot1:canary%2F..%3F%23%25%20%C3%A4/me?x=1");
    let failure = ask("credential = { path = \"/{key}\" }", &[("key", "..")]).await.unwrap_err();
    assert!(matches!(failure, Failure::ClientMisconfigured(Misconfigured::Reach(_))), "{failure:?}");
}

#[tokio::test]
async fn d_6_what_was_typed_in_does_not_come_back() {
    let server = Server::start(|request| {
        let said = format!("{} {}", request.header("x-key").unwrap(), request.target);
        crate::fixture::json(200, &[], &serde_json::json!({ "id": said }).to_string())
    })
    .await;
    let provider = manifest(
        &server,
        "[variables.key]\ntype = \"secret\"\nlabel = \"Key\"\n[auth]\nmode = \"key\"\n[api]\nbase_url = \"@/\"\n\
         credential = { headers = { X-Key = \"Token={key}\" }, path = \"/bot{key}\" }\n[identity]\nurl = \"/me\"\naccount = \"id\"\n",
    );
    let around = Around::new();
    let mut account = account(&provider, &[("key", "canary-key")]);
    let found = account.identify(around.out(), &Material::default()).await.unwrap().unwrap();
    assert!(!found.account.contains("canary"), "{}", found.account);
}

#[tokio::test]
async fn a_12_nothing_is_carried_where_nothing_is_needed() {
    let server = always(200, &[], r#"{"id":"me"}"#).await;
    let provider = manifest(
        &server,
        "[auth]\nmode = \"none\"\n[api]\nbase_url = \"@/\"\n[identity]\nurl = \"/me\"\naccount = \"id\"\n",
    );
    let around = Around::new();
    let mut account = account(&provider, &[]);
    let material = account.enter(around.out()).await.unwrap();
    assert!(account.credential(&material).unwrap().is_none());
    account.identify(around.out(), &material).await.unwrap();
    assert_eq!(server.received()[0].header("authorization"), None);
    let token = Material::of(TokenSet::bare(Secret::new("t")));
    assert!(account.credential(&token).unwrap().is_none());
}
