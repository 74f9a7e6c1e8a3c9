use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aws_lc_rs::{digest, signature::ECDSA_P256_SHA256_FIXED};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::secret::Secret;
use egress::{Reach, Request};
use http::Method;
use patchbay_auth::{Failure, Material, OAuth2Client};
use serde_json::Value;

use crate::{
    client_auth::verified,
    fixture::{Around, Counting, account, always, client, egress, json, manifest, now},
    server::{Received, Server},
};

/// The claims of a request's proof, checked against the key in its own header, and that key's thumbprint.
fn proof(request: &Received) -> (Value, String) {
    let jwt = request.header("dpop").expect("a proof");
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jwt.split('.').next().unwrap()).unwrap()).unwrap();
    let key = &header["jwk"];
    let part = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let point = [vec![4], part("x"), part("y")].concat();
    let (header, claims) = verified(jwt, &ECDSA_P256_SHA256_FIXED, &point);
    assert_eq!((&header["typ"], &header["alg"]), (&"dpop+jwt".into(), &"ES256".into()));
    assert!(key.get("d").is_none(), "the private half stays here");
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, key["x"], key["y"]);
    (claims, URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes())))
}

fn bound(server: &Server) -> OAuth2Client {
    let mut client = client(server);
    client.dpop = true;
    client.token_url.set_query(Some("tenant=1"));
    client
}

const GOOD: &str = r#"{"access_token":"at","refresh_token":"rt","token_type":"DPoP"}"#;

#[tokio::test]
async fn oa_6_code_exchange_and_refresh_show_the_connections_key() {
    let server = always(200, &[], GOOD).await;
    let (client, around) = (bound(&server), Around::new());
    let begun = client.begin(around.out().entropy).unwrap();
    let asked: std::collections::BTreeMap<_, _> = begun.url.query_pairs().into_owned().collect();
    let tokens = client.exchange(around.out(), &Secret::new("code"), &begun.kept, None).await.unwrap();
    // Through the seal and back, as between two processes.
    let bytes = Material::of(tokens).to_bytes();
    let tokens = Material::from_bytes(&bytes).unwrap().tokens.unwrap();
    let renewed = client.refresh(around.out(), &tokens).await.unwrap();
    client.refresh(around.out(), &renewed).await.unwrap();
    let other = client.begin(around.out().entropy).unwrap();
    assert_ne!(other.kept.0["dpop_key"], begun.kept.0["dpop_key"], "each connection has its own");
    let proofs: Vec<(Value, String)> = server.received().iter().map(proof).collect();
    for (claims, thumbprint) in &proofs {
        assert_eq!(*thumbprint, asked["dpop_jkt"]);
        assert_eq!((&claims["htm"], &claims["iat"]), (&"POST".into(), &now().timestamp().into()));
        assert_eq!(claims["htu"], server.url("/token").as_str(), "without the query");
        assert!(claims.get("ath").is_none() && claims.get("nonce").is_none());
    }
    assert_ne!(proofs[0].0["jti"], proofs[1].0["jti"]);
}

#[tokio::test]
async fn oa_6_a_server_that_wants_its_nonce_is_asked_once_more() {
    let server = Server::start(|request| {
        let (claims, _) = proof(request);
        if claims["nonce"] == "n-1" {
            return json(200, &[], GOOD);
        }
        json(400, &[("dpop-nonce", "n-1")], r#"{"error":"use_dpop_nonce"}"#)
    })
    .await;
    let around = Around::new();
    let tokens = bound(&server).client_credentials(around.out(), None).await.unwrap();
    assert_eq!(tokens.access_token.expose(), "at");
    let proofs: Vec<_> = server.received().iter().map(proof).collect();
    assert_eq!(proofs.len(), 2);
    assert_ne!(proofs[0].0["jti"], proofs[1].0["jti"], "a proof is good once");
    assert_eq!(proofs[0].1, proofs[1].1);
    // The next token is bound to the same key.
    bound(&server).client_credentials(around.out(), Some(&tokens)).await.unwrap();
    assert_eq!(proof(&server.received()[2]).1, proofs[0].1);
}

#[tokio::test]
async fn oa_6_a_server_that_is_never_content_is_not_asked_for_ever() {
    let server =
        always(400, &[("dpop-nonce", "again")], r#"{"error":"use_dpop_nonce","error_description":"canary"}"#).await;
    let refused = bound(&server).client_credentials(Around::new().out(), None).await.unwrap_err();
    assert!(matches!(&refused, Failure::Refused { code, .. } if code == "use_dpop_nonce"), "{refused:?}");
    assert!(!refused.needs_reconnect());
    assert_eq!(server.received().len(), 2);
}

#[tokio::test]
async fn oa_6_without_it_nothing_is_shown() {
    let server = always(400, &[("dpop-nonce", "n")], r#"{"error":"use_dpop_nonce"}"#).await;
    let begun = client(&server).begin(Around::new().out().entropy).unwrap();
    assert!(!begun.url.as_str().contains("dpop") && !begun.kept.0.contains_key("dpop_key"));
    client(&server).client_credentials(Around::new().out(), None).await.unwrap_err();
    assert_eq!(server.received().len(), 1);
    assert_eq!(server.received()[0].header("dpop"), None);
}

/// An API that wants a nonce of its own in each proof, and says the next one in every answer.
async fn api() -> Server {
    let count = AtomicUsize::new(0);
    Server::start(move |request| {
        if request.target == "/token?tenant=1" {
            return json(200, &[], GOOD);
        }
        let (claims, _) = proof(request);
        let at = count.fetch_add(1, Ordering::Relaxed);
        let next = format!("api-{at}");
        let right = at > 0 && claims["nonce"] == format!("api-{}", at - 1);
        let challenge = ("www-authenticate", "DPoP error=\"use_dpop_nonce\"");
        if right {
            json(200, &[("dpop-nonce", &next)], r#"{"id":7}"#)
        } else {
            json(401, &[("dpop-nonce", &next), challenge], "{}")
        }
    })
    .await
}

#[tokio::test]
async fn oa_6_calls_to_the_api_show_the_key_and_the_token_they_go_with() {
    let server = api().await;
    let around = Around::new();
    let tokens = bound(&server).client_credentials(around.out(), None).await.unwrap();
    let rest = r#"
        [auth]
        mode = "oauth2_client_credentials"
        token_url = "@/token"
        dpop = true
        [api]
        base_url = "@/"
    "#;
    let manifest = manifest(&server, rest);
    let account = account(&manifest, &[]);
    let credential = account.credential(&Material::of(tokens.clone())).unwrap().unwrap();
    let entropy: Arc<dyn domain::entropy::Entropy> = Arc::new(Counting::default());
    let egress = egress().with_entropy(entropy);
    let call = async |body: egress::Body| {
        let request = Request::new(Method::POST, server.url("/orders?page=2"), Reach::Any);
        let mut request = request.credential(credential.clone());
        request.body = body;
        egress.send(request).await.unwrap()
    };
    // Asked for its nonce once, and from then on ahead.
    assert_eq!(call("{}".to_owned().into()).await.status, 200);
    assert_eq!(call("{}".to_owned().into()).await.status, 200);
    let received: Vec<Received> = server.received().into_iter().skip(1).collect();
    assert_eq!(received.len(), 3, "one retry, and none where the nonce is known");
    for request in &received {
        let (claims, thumbprint) = proof(request);
        assert_eq!(request.header("authorization"), Some("DPoP at"));
        assert_eq!((&claims["htm"], claims["htu"].as_str()), (&"POST".into(), Some(server.url("/orders").as_str())));
        assert_eq!(claims["ath"], URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, b"at")));
        assert_eq!(thumbprint, proof(&server.received()[0]).1, "the key that the token is bound to");
        assert_eq!(request.body, b"{}");
    }
    // A body that streams past cannot be sent twice: the answer is handed on, and the next call knows the nonce.
    let forgetful = account.credential(&Material::of(tokens.clone())).unwrap().unwrap();
    let stream = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::from_static(b"{}"))]);
    let mut request = Request::new(Method::POST, server.url("/orders"), Reach::Any).credential(forgetful.clone());
    request.body = egress::Body::stream(stream);
    assert_eq!(egress.send(request).await.unwrap().status, 401);
    let request = Request::new(Method::POST, server.url("/orders"), Reach::Any).credential(forgetful);
    assert_eq!(egress.send(request).await.unwrap().status, 200);
    assert_eq!(server.received().len(), 1 + 5);
}

#[tokio::test]
async fn oa_6_a_token_that_the_provider_did_not_bind_goes_along_as_a_bearer_token() {
    let server = always(200, &[], r#"{"access_token":"at","token_type":"Bearer"}"#).await;
    let tokens = bound(&server).client_credentials(Around::new().out(), None).await.unwrap();
    let rest =
        "[auth]\nmode = \"oauth2_client_credentials\"\ntoken_url = \"@/token\"\ndpop = true\n[api]\nbase_url = \"@/\"";
    let manifest = manifest(&server, rest);
    let credential = account(&manifest, &[]).credential(&Material::of(tokens)).unwrap().unwrap();
    let request = Request::new(Method::GET, server.url("/me"), Reach::Any).credential(credential);
    egress().send(request).await.unwrap();
    let sent = server.received().pop().unwrap();
    assert_eq!((sent.header("authorization"), sent.header("dpop")), (Some("Bearer at"), None));
}

#[tokio::test]
async fn se_2_no_variable_takes_the_connections_key() {
    let server = always(200, &[], r#"{"access_token":"at","token_type":"DPoP","region":"eu"}"#).await;
    let rest = r#"
        [variables.region]
        type = "text"
        at = "answer"
        from = "token.region"
        label = "Region"
        [variables.stolen]
        type = "text"
        at = "answer"
        from = "token.patchbay_dpop_key"
        label = "Key"
        optional = true
        [auth]
        mode = "oauth2_client_credentials"
        token_url = "@/token"
        dpop = true
        [api]
        base_url = "@/"
    "#;
    let (manifest, around) = (manifest(&server, rest), Around::new());
    let mut account = account(&manifest, &[]);
    let material = account.enter(around.out()).await.unwrap();
    assert!(material.tokens.unwrap().extra.contains_key("patchbay_dpop_key"));
    assert_eq!(account.variables.get("region").map(String::as_str), Some("eu"));
    assert_eq!(account.variables.get("stolen"), None);
}
