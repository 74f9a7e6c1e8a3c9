use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, KeyPair as _, RSA_PKCS1_2048_8192_SHA384, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey,
};

use super::*;

fn vectors() -> toml::Table {
    include_str!("../../../../tests/vectors/signatures/jose.toml").parse().unwrap()
}

fn text<'a>(vectors: &'a toml::Table, at: &str, name: &str) -> &'a str {
    vectors[at][name].as_str().unwrap()
}

fn made(algorithm: JwtAlgorithm, key: &str, input: &str) -> Option<String> {
    signature(algorithm, key.as_bytes(), input.as_bytes()).map(|signature| URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn a_7_the_vectors_of_the_jose_documents() {
    let all = vectors();
    let rsa = |form: &str| made(JwtAlgorithm::RS256, text(&all, "rs256", form), text(&all, "rs256", "input")).unwrap();
    for form in ["pkcs1", "pkcs8"] {
        assert_eq!(rsa(form), text(&all, "rs256", "signature"), "{form}");
    }
    let ed = made(JwtAlgorithm::EdDSA, text(&all, "eddsa", "pkcs8"), text(&all, "eddsa", "input")).unwrap();
    assert_eq!(ed, text(&all, "eddsa", "signature"));
    let key = URL_SAFE_NO_PAD.decode(text(&all, "hs256", "key")).unwrap();
    let mac = signature(JwtAlgorithm::HS256, &key, text(&all, "hs256", "input").as_bytes()).unwrap();
    assert_eq!(URL_SAFE_NO_PAD.encode(mac), text(&all, "hs256", "signature"));
}

#[test]
fn a_7_es256_signatures_verify_like_the_published_one() {
    let all = vectors();
    let input = text(&all, "es256", "input").as_bytes();
    let public: Vec<u8> =
        (0..65).map(|at| u8::from_str_radix(&text(&all, "es256", "public")[at * 2..at * 2 + 2], 16).unwrap()).collect();
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public);
    let published = URL_SAFE_NO_PAD.decode(text(&all, "es256", "signature")).unwrap();
    public.verify(input, &published).unwrap();
    for form in ["sec1", "pkcs8"] {
        let ours = signature(JwtAlgorithm::ES256, text(&all, "es256", form).as_bytes(), input).unwrap();
        assert_eq!(ours.len(), 64, "the two numbers alone (RFC 7518 §3.4)");
        public.verify(input, &ours).unwrap();
    }
}

#[test]
fn a_7_the_other_rsa_algorithms_verify() {
    let all = vectors();
    let pem = text(&all, "rs256", "pkcs8");
    let pair = RsaKeyPair::from_pkcs8(&private_key(pem.as_bytes()).unwrap().der).unwrap();
    let public = pair.public_key().as_ref().to_vec();
    let pss = signature(JwtAlgorithm::PS256, pem.as_bytes(), b"x").unwrap();
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &public).verify(b"x", &pss).unwrap();
    let longer = signature(JwtAlgorithm::RS384, pem.as_bytes(), b"x").unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA384, &public).verify(b"x", &longer).unwrap();
}

#[test]
fn a_7_keys_as_people_paste_them() {
    let all = vectors();
    let (pem, input) = (text(&all, "rs256", "pkcs8"), text(&all, "rs256", "input"));
    let expected = text(&all, "rs256", "signature");
    let one_line = pem.replace('\n', " ");
    let escaped = pem.replace('\n', "\\n");
    let windows = pem.replace('\n', "\r\n");
    let indented = format!("  Key:\n{}", pem.replace('\n', "\n    "));
    for pasted in [one_line, escaped, windows, indented] {
        assert_eq!(made(JwtAlgorithm::RS256, &pasted, input).as_deref(), Some(expected), "{pasted}");
    }
    let ec = text(&all, "es256", "sec1");
    for (algorithm, key) in [
        (JwtAlgorithm::ES384, ec),
        (JwtAlgorithm::RS256, ec),
        (JwtAlgorithm::ES256, pem),
        (JwtAlgorithm::EdDSA, pem),
        (JwtAlgorithm::RS256, ""),
        (JwtAlgorithm::RS256, "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----"),
        (JwtAlgorithm::RS256, "-----BEGIN PRIVATE KEY-----"),
    ] {
        assert_eq!(made(algorithm, key, input), None, "{key}");
    }
}

#[test]
fn a_7_header_and_claims_are_written_as_json() {
    let header: Map<String, Value> = [("kid".to_owned(), Value::from("k\"1"))].into_iter().collect();
    let claims = serde_json::json!({"iss": "a", "n": 1, "list": [true]});
    let jwt = sign(JwtAlgorithm::HS512, b"key", header, &claims).unwrap();
    let parts: Vec<Value> = jwt
        .expose()
        .split('.')
        .take(2)
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    assert_eq!(parts[0], serde_json::json!({"alg": "HS512", "typ": "JWT", "kid": "k\"1"}));
    assert_eq!(parts[1], claims);
}
