use std::time::Duration;

use patchbay_auth::{Failure, Revocation, TokenSet};

use crate::{
    fixture::{always, client, egress, form, json, tokens},
    server::Server,
};

#[tokio::test]
async fn oa_8_the_refresh_token_goes_first() {
    let server = always(200, &[], "").await;
    assert_eq!(client(&server).revoke(&egress(), &tokens()).await.unwrap(), Revocation::Done);
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
    let failure = client(&server).revoke(&egress(), &tokens()).await.unwrap_err();
    assert!(matches!(failure, Failure::ProviderDown { .. }));
    assert_eq!(failure.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn c_7_what_is_gone_counts_as_revoked_and_what_cannot_be_is_said() {
    let gone = always(400, &[], r#"{"error":"invalid_token"}"#).await;
    assert_eq!(client(&gone).revoke(&egress(), &tokens()).await.unwrap(), Revocation::Done);
    let only_refresh = Server::start(|request| match form(request)["token_type_hint"].as_str() {
        "access_token" => json(400, &[], r#"{"error":"unsupported_token_type"}"#),
        _ => json(200, &[], ""),
    })
    .await;
    assert_eq!(client(&only_refresh).revoke(&egress(), &tokens()).await.unwrap(), Revocation::Done);
    let only_access = TokenSet { refresh_token: None, ..tokens() };
    assert!(client(&only_refresh).revoke(&egress(), &only_access).await.is_err());
    let stranger = always(401, &[], r#"{"error":"invalid_client"}"#).await;
    let failure = client(&stranger).revoke(&egress(), &tokens()).await.unwrap_err();
    assert!(matches!(failure, Failure::ClientMisconfigured(_)));
    let mut none = client(&stranger);
    none.revocation_url = None;
    assert_eq!(none.revoke(&egress(), &tokens()).await.unwrap(), Revocation::Unsupported);
}
