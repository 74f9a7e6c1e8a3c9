use chrono::DateTime;
use http::{HeaderValue, Method};

use super::*;
use crate::sign::tests::{Fixed, moment};

fn text(template: &str) -> TextTemplate {
    TextTemplate::try_from(template.to_owned()).unwrap()
}

fn template(message: &str) -> HmacTemplate {
    HmacTemplate {
        hash: HmacHash::Sha256,
        key: key_bytes(&Secret::new("canary-key"), KeyEncoding::Text).unwrap(),
        message: text(message),
        encoding: DigestEncoding::Hex,
        headers: vec![(HeaderName::from_static("x-signature"), text("v1={signature}"))],
        query: Vec::new(),
        values: vec![(Hole { name: "client_id".into(), group: None }, Secret::new("app-1"))],
    }
}

fn sign(by: &HmacTemplate, url: &str, body: Option<&[u8]>) -> Result<(Url, HeaderMap), Unsigned> {
    let (mut url, mut headers) = (Url::parse(url).unwrap(), HeaderMap::new());
    let mut request = Outgoing { method: &Method::POST, url: &mut url, headers: &mut headers, body };
    by.sign(&mut request, &moment(DateTime::from_timestamp_millis(1_800_000_000_123).unwrap(), &Fixed))?;
    Ok((url, headers))
}

fn expected(by: &HmacTemplate, message: &[u8]) -> String {
    hex::encode(digest::hmac(by.hash, &by.key, message))
}

#[test]
fn a_9_every_part_of_a_request_can_be_signed() {
    let by = template(
        "{client_id}|{method}|{path}|{path_only}|{query}|{host}|{body}|{body_sha256}|{timestamp}|{timestamp_ms}|{timestamp_iso}|{date}|{nonce}",
    );
    let (_, headers) = sign(&by, "http://127.0.0.1:81/a%20b?c=d", Some(b"\xff")).unwrap();
    let message = [
        b"app-1|POST|/a%20b?c=d|/a%20b|c=d|127.0.0.1:81|\xff|".as_slice(),
        b"a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89|",
        b"1800000000|1800000000123|2027-01-15T08:00:00.123Z|Fri, 15 Jan 2027 08:00:00 GMT|",
        b"07070707070707070707070707070707",
    ]
    .concat();
    assert_eq!(headers["x-signature"], format!("v1={}", expected(&by, &message)).as_str());
}

#[test]
fn a_9_parameters_stand_in_the_query_before_it_is_signed_and_the_signature_behind() {
    let mut by = template("{query}");
    by.headers.clear();
    by.query = vec![("signature".into(), text("{signature}")), ("timestamp".into(), text("{timestamp_ms}"))];
    let (url, _) = sign(&by, "https://a.example/x?symbol=1&signature=forged&timestamp=0", None).unwrap();
    let signed = "symbol=1&signature=forged&timestamp=1800000000123";
    // A forged one is replaced, but was there when the text was made.
    assert_eq!(
        url.query(),
        Some(format!("symbol=1&timestamp=1800000000123&signature={}", expected(&by, signed.as_bytes())).as_str())
    );
}

/// RFC 4231 §4.2 and §4.3, and RFC 2202 §3 test case 1 for SHA-1.
#[test]
fn a_9_the_published_hmac_vectors() {
    let hex = |hash, key: &[u8], data: &[u8]| hex::encode(digest::hmac(hash, key, data));
    assert_eq!(
        hex(HmacHash::Sha256, &[0x0b; 20], b"Hi There"),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    );
    assert_eq!(
        hex(HmacHash::Sha512, b"Jefe", b"what do ya want for nothing?"),
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
    );
    assert_eq!(hex(HmacHash::Sha1, &[0x0b; 20], b"Hi There"), "b617318655057264e28bc0b6fb378c8ef146be00");
}

#[test]
fn a_9_keys_in_each_encoding() {
    let bytes = |text: &str, encoding| key_bytes(&Secret::new(text), encoding).map(|bytes| bytes.to_vec());
    assert_eq!(bytes("-_8", KeyEncoding::Base64), Ok(vec![0xfb, 0xff]));
    assert_eq!(bytes("+/8=\n", KeyEncoding::Base64), Ok(vec![0xfb, 0xff]));
    assert_eq!(bytes("FBff", KeyEncoding::Hex), Ok(vec![0xfb, 0xff]));
    assert!(bytes("canary!", KeyEncoding::Base64).is_err() && bytes("abc", KeyEncoding::Hex).is_err());
}

#[test]
fn a_9_the_body_is_asked_for_only_where_it_is_named() {
    let url = Url::parse("https://a.example/").unwrap();
    assert_eq!(template("{timestamp}").needs_body(&url, &HeaderMap::new()), NeedsBody::No);
    let mut by = template("{timestamp}");
    by.headers.push((HeaderName::from_static("digest"), text("{body_sha256_base64}")));
    assert_eq!(by.needs_body(&url, &HeaderMap::new()), NeedsBody::Whole);
    assert!(sign(&by, "https://a.example/", None).is_err(), "a stream");
    assert!(sign(&template("{signature}"), "https://a.example/", None).is_err());
    assert!(sign(&template("{other}"), "https://a.example/", None).is_err());
    let mut headers = HeaderMap::new();
    headers.insert("x", HeaderValue::from_static("x"));
}
