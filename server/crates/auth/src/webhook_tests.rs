use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    source: String,
    secret: String,
    #[serde(default)]
    now: i64,
    headers: BTreeMap<String, String>,
    body: String,
    account: Option<String>,
    event: Option<String>,
    id: Option<String>,
    spec: WebhookSpec,
}

#[derive(serde::Deserialize)]
struct Vectors {
    vector: Vec<Vector>,
}

fn url() -> Url {
    Url::parse("https://hooks.example/in/1?shop=a%20b").unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_secs(seconds).unwrap()
}

fn spec(text: &str) -> WebhookSpec {
    toml::from_str(text).unwrap()
}

fn check(spec: &WebhookSpec, secret: &str, pairs: &[(&str, &str)], body: &str, now: i64) -> Result<Verified, Refused> {
    verify(spec, &Secret::new(secret), &headers(pairs), body.as_bytes(), &url(), at(now))
}

fn signed(key: &[u8], message: &str) -> String {
    hex::encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes()))
}

#[test]
fn f_3_the_published_vectors() {
    let text = include_str!("../../../../tests/vectors/signatures/webhooks.toml");
    let vectors: Vectors = toml::from_str(text).unwrap();
    assert_eq!(vectors.vector.len(), 4);
    for vector in vectors.vector {
        let pairs: Vec<(&str, &str)> = vector.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let expected = Verified { account: vector.account, event: vector.event, id: vector.id };
        let found = check(&vector.spec, &vector.secret, &pairs, &vector.body, vector.now);
        assert_eq!(found, Ok(expected), "{}", vector.source);
        let altered = format!("{} ", vector.body);
        let found = check(&vector.spec, &vector.secret, &pairs, &altered, vector.now);
        assert_eq!(found, Err(Refused::WrongSignature), "{}", vector.source);
    }
}

#[test]
fn f_3_lists_with_a_time_and_several_signatures() {
    let spec = spec(
        "scheme = 'hmac'\nheader = 'x-signature'\nprefix = 'v1='\nhash = 'sha256'\nmessage = '{timestamp}.{body}'\ntimestamp = 't='\nevent = 'body.data.0.type'",
    );
    let right = signed(b"key", "1000.{\"data\":[{\"type\":\"made\"}]}");
    let body = "{\"data\":[{\"type\":\"made\"}]}";
    let upper = right.to_uppercase();
    for header in [
        format!("t=1000,v1={right}"),
        format!("t=1000, v0=ab, v1=00ff, v1={upper}"),
        format!("v1={right};t=1000"),
        format!("t=1000&v1={right}"),
    ] {
        let found = check(&spec, "key", &[("x-signature", &header)], body, 1000).unwrap();
        assert_eq!(found.event.as_deref(), Some("made"), "{header}");
    }
    let whole = format!("t=1000,v1={right}");
    let pairs = [("x-signature", whole.as_str())];
    for (now, expected) in [(700, true), (699, false), (1300, true), (1301, false)] {
        let found = check(&spec, "key", &pairs, body, now);
        assert_eq!(found.is_ok(), expected, "{now}: {found:?}");
        assert!(expected || found == Err(Refused::Stale));
    }
    let moved = format!("t=1200,v1={right}");
    assert_eq!(check(&spec, "key", &[("x-signature", &moved)], body, 1200), Err(Refused::WrongSignature));
    let timeless = format!("v1={right}");
    assert_eq!(check(&spec, "key", &[("x-signature", &timeless)], body, 1000), Err(Refused::NoTime));
    for header in ["", "t=1000", "t=1000,v1=", "t=1000,v1=zz", "t=1000,v2=00"] {
        let found = check(&spec, "key", &[("x-signature", header)], body, 1000);
        assert!(matches!(found, Err(Refused::WrongSignature | Refused::NoTime)), "{header}: {found:?}");
    }
    assert_eq!(check(&spec, "key", &[], body, 1000), Err(Refused::NoTime));
    let many = format!("t=1000,{}v1={right}", "v1=00,".repeat(40));
    assert_eq!(check(&spec, "key", &[("x-signature", &many)], body, 1000), Err(Refused::WrongSignature));
}

#[test]
fn f_3_a_time_in_a_header_of_its_own_is_read_as_it_is_written() {
    let spec = spec(
        "scheme = 'hmac'\nheader = 'x-signature'\nprefix = 'sha256 '\nhash = 'sha256'\nmessage = '{timestamp}|{url}|{body}'\ntimestamp = 'x-time'",
    );
    for time in ["1000", "1000000000000", "1970-01-01T00:16:40Z"] {
        let now = if time.len() == 13 { 1_000_000_000 } else { 1000 };
        let header = format!("sha256 {}", signed(b"key", &format!("{time}|{}|b", url())));
        let pairs = [("x-signature", header.as_str()), ("x-time", time)];
        let found = check(&spec, "key", &pairs, "b", now);
        assert!(found.is_ok(), "{time}: {found:?}");
    }
    assert_eq!(
        check(&spec, "key", &[("x-signature", "sha256 00"), ("x-time", "soon")], "b", 0),
        Err(Refused::WrongSignature)
    );
}

#[test]
fn f_3_a_shared_text_is_compared_whole() {
    let plain = spec("scheme = 'token'\nheader = 'x-token'\naccount = 'query.shop'");
    let found = check(&plain, "s3cret", &[("x-token", "s3cret")], "", 0).unwrap();
    assert_eq!(found.account.as_deref(), Some("a b"));
    for given in ["", "s3cre", "s3cret1", "S3CRET", "x,s3cret"] {
        assert_eq!(check(&plain, "s3cret", &[("x-token", given)], "", 0), Err(Refused::WrongSignature), "{given}");
    }
    assert_eq!(check(&plain, "s3cret", &[], "", 0), Err(Refused::Unsigned));
    assert_eq!(check(&plain, "", &[("x-token", "")], "", 0), Err(Refused::WrongSignature), "no secret lets nobody in");
    let bearer = spec("scheme = 'token'\nheader = 'authorization'\nprefix = 'Bearer '");
    assert!(check(&bearer, "s3cret", &[("authorization", "Bearer s3cret")], "", 0).is_ok());
    assert!(check(&bearer, "s3cret", &[("authorization", "s3cret")], "", 0).is_err());
}

#[test]
fn f_3_public_keys_in_each_form() {
    // RFC 8032 §7.1, test 2, and the same key as RFC 8410 §4 writes one.
    let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
    let spec = spec("scheme = 'ed25519'\nheader = 'x-signature'");
    let key = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    let raw = hex::decode(key).unwrap();
    let der = [hex::decode("302a300506032b6570032100").unwrap(), raw.clone()].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", TOLERANT.encode(der));
    for key in [key.to_owned(), TOLERANT.encode(raw), pem] {
        assert!(check(&spec, &key, &[("x-signature", signature)], "r", 0).is_ok(), "{key}");
        assert_eq!(check(&spec, &key, &[("x-signature", signature)], "s", 0), Err(Refused::WrongSignature));
    }
    for key in ["", "ab", "not a key!"] {
        let found = check(&spec, key, &[("x-signature", signature)], "r", 0);
        assert!(matches!(found, Err(Refused::Misconfigured(_))), "{key}: {found:?}");
    }
}

#[test]
fn f_3_an_empty_secret_signs_nothing() {
    let spec = spec("scheme = 'hmac'\nheader = 'x-signature'\nhash = 'sha256'");
    let forged = signed(b"", "body");
    let found = check(&spec, "", &[("x-signature", &forged)], "body", 0);
    assert!(matches!(found, Err(Refused::Misconfigured(_))), "{found:?}");
}

#[test]
fn f_3_the_account_is_found_in_every_kind_of_body() {
    let spec = spec(
        "scheme = 'token'\nheader = 'x-token'\naccount = 'body.a.id'\nevent = 'header.x-event'\nid_header = 'x-id'",
    );
    let found = |kind: &str, body: &str| {
        let pairs = [("x-token", "t"), ("content-type", kind), ("x-event", "made"), ("x-id", " 7 ")];
        check(&spec, "t", &pairs, body, 0).unwrap()
    };
    for (kind, body) in [
        ("application/json", r#"{"a":{"id":7}}"#),
        ("text/xml", "<a><id>7</id></a>"),
        ("application/x-www-form-urlencoded", "a=%7B%22id%22%3A7%7D"),
        ("application/x-www-form-urlencoded", "a.id=7"),
    ] {
        let read = found(kind, body);
        let shown = (read.account.as_deref(), read.event.as_deref(), read.id.as_deref());
        assert_eq!(shown, (Some("7"), Some("made"), Some("7")), "{body}");
    }
    assert_eq!(found("application/json", "[").account, None);
}

proptest! {
    #[test]
    fn f_3_no_delivery_panics_and_none_is_let_in(header in "[ -~]{0,80}", time in "[ -~]{0,20}", body in ".{0,40}", list: bool) {
        let timestamp = if list { "t=" } else { "x-time" };
        let spec = spec(&format!(
            "scheme = 'hmac'\nheader = 'x-signature'\nprefix = 'v1='\nhash = 'sha512'\nencoding = 'base64'\nmessage = '{{timestamp}}{{body}}'\ntimestamp = '{timestamp}'\naccount = 'body.a'",
        ));
        let pairs = [("x-signature", header.as_str()), ("x-time", time.as_str())];
        prop_assert!(check(&spec, "key", &pairs, &body, 0).is_err());
    }
}

#[test]
fn f_3_what_was_signed_tells_deliveries_apart_and_places_are_read_as_they_are_written() {
    let signed = spec(
        "scheme = 'hmac'\nheader = 'x-signature'\nprefix = 'v1='\nhash = 'sha256'\nmessage = '{timestamp}.{body}'\ntimestamp = 't='",
    );
    let body = "{\"post\":{\"id\":\"a  b\",\"n\":7,\"none\":null,\"empty\":\"\"}}";
    let map = headers(&[("x-signature", "t=1000,v1=00"), ("x-topic", "orders/made")]);
    assert_eq!(content(&signed, &map, body.as_bytes(), &url()), format!("1000.{body}").into_bytes());
    let token = spec("scheme = 'token'\nheader = 'x-token'");
    assert_eq!(content(&token, &map, body.as_bytes(), &url()), body.as_bytes());
    let url = url();
    let at = reader(&token, &map, body.as_bytes(), &url);
    for (place, found) in [
        ("body.post.id", Some("a  b")),
        ("body.post.n", Some("7")),
        ("body.post.none", None),
        ("body.post.empty", None),
        ("body.post", None),
        ("header.x-topic", Some("orders/made")),
        ("query.shop", Some("a b")),
        ("query.none", None),
        ("elsewhere.x", None),
    ] {
        assert_eq!(at(place).as_deref(), found, "{place}");
    }
}
