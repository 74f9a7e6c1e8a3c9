//! Credentials that touch the whole request: signatures, fields of the body, beginnings of the path.

use std::sync::Arc;

use bytes::Bytes;
use domain::{
    entropy::Entropy,
    manifest::{DigestEncoding, HmacHash, KeyEncoding, OAuth1Signature, TextTemplate},
    secret::Secret,
};
use futures_util::{StreamExt as _, stream};
use http::{HeaderName, HeaderValue, Method, header::CONTENT_TYPE};
use patchbay_egress::{
    Body, Credential, Egress, EgressError, Reach, Redirects, Request,
    sign::{HmacTemplate, OAuth1, SigV4, hmac::key_bytes},
};

use crate::{
    bounds,
    server::{Received, Server, answer},
};

/// Counts, so that every nonce is another.
#[derive(Default)]
struct Counting(std::sync::atomic::AtomicU8);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    }
}

fn egress() -> Egress {
    bounds::egress().with_entropy(Arc::new(Counting::default()))
}

fn oauth1() -> Credential {
    let by = OAuth1 {
        consumer_key: Secret::new("key"),
        consumer_secret: Secret::new("canary-consumer"),
        token: Some((Secret::new("token"), Secret::new("canary-token"))),
        realm: String::new(),
        signature: OAuth1Signature::HmacSha256,
        client_key: None,
        protocol: Vec::new(),
    };
    Credential::sign(Arc::new(by)).and_hide(&Secret::new("canary-consumer")).and_hide(&Secret::new("canary-token"))
}

fn sigv4(service: &str) -> Credential {
    Credential::sign(Arc::new(SigV4 {
        access_key: Secret::new("AKID"),
        secret_key: Secret::new("canary-key"),
        session_token: Some(Secret::new("session")),
        region: "eu-central-1".into(),
        service: service.into(),
    }))
}

fn over_body() -> Credential {
    let text = |text: &str| TextTemplate::try_from(text.to_owned()).unwrap();
    Credential::sign(Arc::new(HmacTemplate {
        hash: HmacHash::Sha256,
        key: key_bytes(&Secret::new("canary-key"), KeyEncoding::Text).unwrap(),
        message: text("{method}{path}{body}"),
        encoding: DigestEncoding::Hex,
        headers: vec![
            (HeaderName::from_static("x-body"), text("{body_sha256}")),
            (HeaderName::from_static("x-sign"), text("{signature}")),
        ],
        query: Vec::new(),
        values: Vec::new(),
    }))
}

fn request(method: Method, server: &Server, credential: Credential) -> Request {
    Request::new(method, server.url("/start?a=b%20c"), Reach::Any).credential(credential)
}

fn pieces(count: usize, size: usize) -> Body {
    let piece = Bytes::from(vec![b'x'; size]);
    Body::stream(stream::iter(vec![piece; count]).map(Ok::<_, std::io::Error>))
}

fn authorization(received: &Received) -> String {
    received.header("authorization").unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_4_every_hop_is_signed_anew_and_none_elsewhere() {
    let elsewhere = Server::start(|_| answer(200, &[], "")).await;
    let away = elsewhere.url("/away").to_string();
    let home = Server::start(move |request| match request.target.as_str() {
        "/second" => answer(307, &[("location", &away)], ""),
        _ => answer(307, &[("location", "/second")], ""),
    })
    .await;
    let mut request = request(Method::GET, &home, oauth1());
    request.redirects = Redirects::Follow(3);
    egress().send(request).await.unwrap();
    let received = home.received();
    let [first, second] = [authorization(&received[0]), authorization(&received[1])];
    assert!(first.starts_with("OAuth ") && second.starts_with("OAuth "), "{first}");
    assert_ne!(first, second, "another URL and another nonce");
    assert!(!first.contains("canary"));
    assert_eq!(elsewhere.received()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_9_a_stream_is_collected_to_be_signed() {
    let server = Server::start(|_| answer(200, &[], "")).await;
    for credential in [over_body(), sigv4("execute-api")] {
        let mut request = request(Method::POST, &server, credential);
        request.body = pieces(4, 64 << 10);
        // A wrong length would cut the body off; what is collected has its own.
        request.headers.insert("content-length", HeaderValue::from_static("7"));
        egress().send(request).await.unwrap();
    }
    let received = server.received();
    assert_eq!(received[0].body.len(), 256 << 10);
    assert_eq!(received[0].header("content-length"), Some("262144"));
    // Of 262,144 times the letter x.
    let hash = received[0].header("x-body").unwrap();
    assert_eq!(hash.len(), 64);
    assert_ne!(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    let header = authorization(&received[1]);
    assert!(header.contains("SignedHeaders=host;x-amz-date;x-amz-security-token,"), "{header}");
    assert!(
        header.starts_with("AWS4-HMAC-SHA256 Credential=AKID/20270115/eu-central-1/execute-api/aws4_request"),
        "{header}"
    );
}

#[tokio::test]
async fn a_9_what_is_too_long_to_be_signed_is_not_sent() {
    let server = Server::start(|_| answer(200, &[], "")).await;
    // Object storage over plain http has no way to leave a body out either.
    for credential in [over_body(), sigv4("s3"), Credential::field("key", &Secret::new("k"))] {
        let mut request = request(Method::POST, &server, credential);
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.body = pieces(129, 64 << 10);
        let error = egress().send(request).await.unwrap_err();
        assert!(matches!(&error, EgressError::Unsigned { reason, .. } if reason.contains("8 MiB")), "{error}");
        assert!(error.nothing_was_sent());
    }
    let mut broken = request(Method::POST, &server, over_body());
    broken.body = Body::stream(stream::iter([Err::<Bytes, _>(std::io::Error::other("broken"))]));
    let error = egress().send(broken).await.unwrap_err();
    assert_eq!(error.code(), "request-body");
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_9_what_is_not_signed_over_streams_past() {
    let server = Server::start(|_| answer(200, &[], "")).await;
    let mut request = request(Method::POST, &server, oauth1());
    request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    request.body = pieces(200, 64 << 10);
    egress().send(request).await.unwrap();
    assert_eq!(server.received()[0].header("transfer-encoding"), Some("chunked"));
}

#[tokio::test]
async fn a_9_without_randomness_nothing_is_signed_or_sent() {
    let server = Server::start(|_| answer(200, &[], "")).await;
    let error = bounds::egress().send(request(Method::GET, &server, oauth1())).await.unwrap_err();
    assert!(matches!(error, EgressError::Unsigned { .. }), "{error}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_5_fields_and_beginnings_of_the_path_are_on_the_wire_only() {
    let server = Server::start(|_| answer(200, &[], "")).await;
    let token = Secret::new("/bot1:canary");
    let credential = Credential::path(server.url("/v1"), &token).and(Credential::field("key", &Secret::new("k\"1")));
    let mut asked = Request::new(Method::POST, server.url("/v1/send"), Reach::Any).credential(credential.clone());
    asked.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    asked.body = "{\"n\": 1.50}".to_owned().into();
    egress().send(asked).await.unwrap();
    let received = &server.received()[0];
    assert_eq!(received.target, "/v1/bot1:canary/send");
    assert_eq!(received.body, br#"{"n":1.50,"key":"k\"1"}"#);
    let outside = Request::new(Method::POST, server.url("/v2/send"), Reach::Any).credential(credential);
    let error = egress().send(outside).await.unwrap_err();
    assert!(matches!(error, EgressError::Credential { place: "path" }), "{error}");
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_5_a_redirect_starts_from_the_path_as_it_was_sent() {
    let server = Server::start(|request| match request.target.as_str() {
        "/bot1/a/one" => answer(302, &[("location", "two")], ""),
        _ => answer(200, &[], "here"),
    })
    .await;
    let credential = Credential::path(server.url("/"), &Secret::new("/bot1"));
    let mut request = Request::new(Method::GET, server.url("/a/one"), Reach::Any).credential(credential);
    request.redirects = Redirects::Follow(2);
    egress().send(request).await.unwrap();
    assert_eq!(server.received()[1].target, "/bot1/a/two");
}
