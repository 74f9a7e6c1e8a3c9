use std::collections::BTreeMap;

use chrono::DateTime;
use http::HeaderValue;

use super::*;
use crate::sign::tests::{Fixed, moment};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    source: String,
    method: String,
    url: Url,
    form: Option<String>,
    #[serde(default)]
    realm: String,
    consumer_key: String,
    consumer_secret: String,
    token: Option<String>,
    token_secret: Option<String>,
    client_key: Option<String>,
    signature_method: OAuth1Signature,
    version: Option<String>,
    timestamp: i64,
    nonce: String,
    #[serde(default)]
    protocol: BTreeMap<String, String>,
    base: Option<String>,
    signature: Option<String>,
}

#[derive(serde::Deserialize)]
struct Vectors {
    vector: Vec<Vector>,
}

fn headers(form: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if form {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"));
    }
    headers
}

fn by(signature: OAuth1Signature) -> OAuth1 {
    OAuth1 {
        consumer_key: Secret::new("key"),
        consumer_secret: Secret::new("canary&secret"),
        token: Some((Secret::new("token"), Secret::new("canary-token"))),
        realm: String::new(),
        signature,
        client_key: None,
        protocol: Vec::new(),
    }
}

#[test]
fn a_4_the_published_vectors() {
    let text = include_str!("../../../../../tests/vectors/signatures/oauth1.toml");
    // The method's name in the file is the protocol's; the manifest writes it in small letters.
    let small = ["HMAC-SHA1", "HMAC-SHA256", "RSA-SHA1"].iter().fold(text.to_owned(), |text, name| {
        text.replace(
            &format!("signature_method = \"{name}\""),
            &format!("signature_method = \"{}\"", name.to_ascii_lowercase()),
        )
    });
    let vectors: Vectors = toml::from_str(&small).unwrap();
    assert_eq!(vectors.vector.len(), 9);
    for vector in vectors.vector {
        let by = OAuth1 {
            consumer_key: Secret::new(&vector.consumer_key),
            consumer_secret: Secret::new(&vector.consumer_secret),
            token: vector.token.zip(vector.token_secret).map(|(t, s)| (Secret::new(t), Secret::new(s))),
            realm: vector.realm.clone(),
            signature: vector.signature_method,
            client_key: vector.client_key.map(Secret::new),
            protocol: vector.protocol.into_iter().map(|(n, v)| (n, Secret::new(v))).collect(),
        };
        let (mut url, mut headers) = (vector.url, headers(vector.form.is_some()));
        let method: Method = vector.method.parse().unwrap();
        let body = vector.form.unwrap_or_default();
        let request = Outgoing { method: &method, url: &mut url, headers: &mut headers, body: Some(body.as_bytes()) };
        let at = DateTime::from_timestamp_secs(vector.timestamp).unwrap();
        let header = by.header(&request, &moment(at, &Fixed), &vector.nonce, vector.version.as_deref()).unwrap();
        assert!(vector.base.is_some() || vector.signature.is_some(), "{} says something", vector.source);
        if let Some(signature) = &vector.signature {
            let expected = format!("oauth_signature=\"{}\"", percent(signature.as_bytes()));
            assert!(header.ends_with(&expected), "{}: {header}", vector.source);
        }
        if let Some(base) = &vector.base {
            let expected = by.signature_of(request.url, base, &moment(at, &Fixed)).unwrap();
            let expected = format!("oauth_signature=\"{}\"", percent(expected.as_bytes()));
            assert!(header.ends_with(&expected), "{}: {header}", vector.source);
        }
        assert_eq!(header.contains("realm="), !vector.realm.is_empty());
    }
}

fn sign(by: &OAuth1, url: &str, form: Option<&str>) -> Result<String, Unsigned> {
    let (mut url, mut headers) = (Url::parse(url).unwrap(), headers(form.is_some()));
    let mut request =
        Outgoing { method: &Method::POST, url: &mut url, headers: &mut headers, body: form.map(str::as_bytes) };
    by.sign(&mut request, &moment(DateTime::UNIX_EPOCH, &Fixed))?;
    Ok(headers[AUTHORIZATION].to_str().unwrap().to_owned())
}

#[test]
fn a_4_plaintext_is_for_https_alone() {
    let by = by(OAuth1Signature::Plaintext);
    let header = sign(&by, "https://a.example/x", None).unwrap();
    assert!(header.contains("oauth_signature=\"canary%2526secret%26canary-token\""), "{header}");
    assert!(sign(&by, "http://127.0.0.1/x", None).is_err());
}

#[test]
fn a_4_a_form_is_signed_and_other_bodies_are_not() {
    let by = by(OAuth1Signature::HmacSha256);
    let one = sign(&by, "https://a.example/x", Some("a=1")).unwrap();
    assert_ne!(one, sign(&by, "https://a.example/x", Some("a=2")).unwrap());
    assert_eq!(one, sign(&by, "https://a.example/x?a=1", None).unwrap(), "wherever a parameter stands");
    let url = Url::parse("https://a.example/").unwrap();
    assert_eq!(by.needs_body(&url, &headers(true)), NeedsBody::Whole);
    assert_eq!(by.needs_body(&url, &headers(false)), NeedsBody::No);
}

#[test]
fn a_4_what_cannot_be_signed_says_why() {
    assert!(sign(&by(OAuth1Signature::RsaSha1), "https://a.example/", None).is_err(), "no key");
    let no_key = OAuth1 { client_key: Some(Secret::new("canary")), ..by(OAuth1Signature::RsaSha1) };
    let said = sign(&no_key, "https://a.example/", None).unwrap_err().to_string();
    assert!(!said.contains("canary"));
    let odd = OAuth1 { realm: "a\"b".into(), ..by(OAuth1Signature::HmacSha1) };
    assert!(sign(&odd, "https://a.example/", None).is_err());
}
