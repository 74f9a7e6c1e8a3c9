use http::{HeaderValue, Method};
use proptest::prelude::*;

use super::*;
use crate::sign::tests::{Fixed, moment};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    source: String,
    access_key: String,
    secret_key: String,
    session_token: Option<String>,
    service: String,
    time: chrono::DateTime<chrono::Utc>,
    host: String,
    method: String,
    path: String,
    query: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
    signature: String,
}

#[derive(serde::Deserialize)]
struct Vectors {
    vector: Vec<Vector>,
}

#[test]
fn a_9_the_published_vectors() {
    let text = include_str!("../../../../../tests/vectors/signatures/sigv4.toml");
    let vectors: Vectors = toml::from_str(text).unwrap();
    assert_eq!(vectors.vector.len(), 23);
    for vector in vectors.vector {
        let by = SigV4 {
            access_key: Secret::new(&vector.access_key),
            secret_key: Secret::new(&vector.secret_key),
            session_token: vector.session_token.as_ref().map(Secret::new),
            region: "us-east-1".into(),
            service: vector.service,
        };
        let mut url = Url::parse(&format!("https://{}/", vector.host)).unwrap();
        url.set_query(vector.query.as_deref());
        let mut headers = HeaderMap::new();
        for (name, value) in &vector.headers {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let method: Method = vector.method.parse().unwrap();
        let mut request =
            Outgoing { method: &method, url: &mut url, headers: &mut headers, body: Some(vector.body.as_bytes()) };
        // The suite's paths are bare text, which a URL would have encoded on its way here.
        by.sign_path(&mut request, &vector.path, &moment(vector.time, &Fixed)).unwrap();
        let header = headers["authorization"].to_str().unwrap();
        let end = format!(", Signature={}", vector.signature);
        assert!(header.ends_with(&end), "{}: {header}", vector.source);
    }
}

fn signed(url: &str, service: &str, body: Option<&[u8]>) -> Result<(String, HeaderMap), Unsigned> {
    let by = SigV4 {
        access_key: Secret::new("AKID"),
        secret_key: Secret::new("canary"),
        session_token: None,
        region: "eu-central-1".into(),
        service: service.into(),
    };
    let mut url = Url::parse(url).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static("Bearer forged"));
    headers.insert("x-amz-security-token", HeaderValue::from_static("forged"));
    let mut request = Outgoing { method: &Method::PUT, url: &mut url, headers: &mut headers, body };
    by.sign(&mut request, &moment(chrono::DateTime::UNIX_EPOCH, &Fixed))?;
    Ok((url.into(), headers))
}

#[test]
fn a_9_what_is_sent_is_what_is_signed() {
    let (url, headers) = signed("https://a.example/x?b=%7e+1&acl&a=ä'", "execute-api", Some(b"")).unwrap();
    assert_eq!(url, "https://a.example/x?b=~%201&acl&a=%C3%A4%27");
    assert!(!headers.contains_key("x-amz-security-token"), "nobody else's token goes along");
    assert!(headers["authorization"].is_sensitive());
    assert!(!headers.contains_key("x-amz-content-sha256"));
}

#[test]
fn a_9_a_streamed_body_is_left_out_only_where_the_scheme_can_say_so() {
    let (_, headers) = signed("https://a.example/x", "s3", None).unwrap();
    assert_eq!(headers["x-amz-content-sha256"], "UNSIGNED-PAYLOAD");
    assert!(signed("http://127.0.0.1/x", "s3", None).is_err());
    assert!(signed("https://a.example/x", "sqs", None).is_err());
}

#[test]
fn a_9_paths_of_object_storage_are_kept_and_others_are_encoded_again() {
    assert_eq!(canonical_path("/a//b/../%e4%20c+(d)", true), "/a//b/../%E4%20c%2B%28d%29");
    assert_eq!(canonical_path("/a//b/../%e4%20c", false), "/a/%25e4%2520c");
    for open in ["", "/", "//", "/.", "/a/.."] {
        assert_eq!(canonical_path(open, false), "/", "{open}");
    }
    assert_eq!(canonical_path("/a/.", false), "/a/");
}

proptest! {
    #[test]
    fn a_9_rewriting_a_query_keeps_what_it_says(pairs in prop::collection::vec((".{1,8}", ".{0,8}"), 0..6)) {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let strict = strict(&query);
        let again: Vec<(String, String)> = url::form_urlencoded::parse(strict.as_bytes()).into_owned().collect();
        prop_assert_eq!(again, pairs);
        prop_assert!(!strict.contains('+'));
    }

    #[test]
    fn a_9_no_path_or_query_panics(text in ".{0,60}", is_object_storage: bool) {
        prop_assert!(canonical_path(&text, is_object_storage).starts_with('/') || is_object_storage);
        let _ = canonical_query(&text);
    }
}
