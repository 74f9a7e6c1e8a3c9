use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey,
        VerificationAlgorithm,
    },
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use domain::{manifest::ClientAuth, secret::Secret};
use patchbay_auth::{Failure, Misconfigured, OAuth2Client, TokenSet};
use serde_json::Value;

use crate::fixture::{Around, always, client, form, now};

const GOOD: &str = r#"{"access_token":"at"}"#;

async fn ask(around: &Around, client: &OAuth2Client) -> Result<TokenSet, Failure> {
    client.client_credentials(around.out(), None).await
}

/// Header and claims of a JWT whose signature is right.
pub fn verified(jwt: &str, algorithm: &'static dyn VerificationAlgorithm, public: &[u8]) -> (Value, Value) {
    let (message, signature) = jwt.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(algorithm, public).verify(message.as_bytes(), &signature).expect("the signature is right");
    let (header, claims) = message.split_once('.').unwrap();
    let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (read(header), read(claims))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[tokio::test]
async fn a_1_private_key_jwt_with_an_ec_key() {
    let server = always(200, &[], GOOD).await;
    let key = rcgen::KeyPair::generate().unwrap();
    let mut client = client(&server);
    client.client_auth = ClientAuth::PrivateKeyJwt;
    client.client_key = Some(Secret::new(key.serialize_pem()));
    client.client_key_id = Some("key-7".into());
    let around = Around::new();
    ask(&around, &client).await.unwrap();
    client.expected_issuer = Some("https://issuer.example".into());
    ask(&around, &client).await.unwrap();
    let sent: Vec<_> = server.received().iter().map(form).collect();
    assert_eq!(sent[0]["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    assert_eq!(sent[0]["client_id"], "client:1");
    assert!(!sent[0].contains_key("client_secret"), "the secret stays here");
    let read = |at: usize| verified(&sent[at]["client_assertion"], &ECDSA_P256_SHA256_FIXED, key.public_key_raw());
    let ((header, first), (_, second)) = (read(0), read(1));
    assert_eq!(header, serde_json::json!({"alg": "ES256", "typ": "JWT", "kid": "key-7"}));
    assert_eq!((&first["iss"], &first["sub"]), (&"client:1".into(), &"client:1".into()));
    assert_eq!((&first["aud"], &second["aud"]), (&client.token_url.as_str().into(), &"https://issuer.example".into()));
    assert_eq!((&first["iat"], &first["exp"]), (&now().timestamp().into(), &(now().timestamp() + 60).into()));
    assert_ne!(first["jti"], second["jti"], "good once");
}

#[tokio::test]
async fn a_1_private_key_jwt_with_rsa_keys_as_people_paste_them() {
    let server = always(200, &[], GOOD).await;
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let wrapped: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let wrapped = wrapped.as_ref();
    // Version, algorithm and the octet string's own head, before the key itself (RFC 5208 §5).
    let bare = &wrapped[26..];
    let plain = pem("PRIVATE KEY", wrapped);
    let mut client = client(&server);
    client.client_auth = ClientAuth::PrivateKeyJwt;
    let around = Around::new();
    let pasted = [
        plain.clone(),
        plain.replace('\n', "\\n"),
        plain.replace('\n', " "),
        plain.replace('\n', "\r\n"),
        plain.replace('=', ""),
        format!("Bag Attributes\n{plain}"),
        pem("RSA PRIVATE KEY", bare),
    ];
    let count = pasted.len();
    for text in pasted {
        client.client_key = Some(Secret::new(text));
        ask(&around, &client).await.unwrap();
    }
    for request in server.received() {
        let public = key.public_key().as_ref();
        let (header, _) = verified(&form(&request)["client_assertion"], &RSA_PKCS1_2048_8192_SHA256, public);
        assert_eq!(header["alg"], "RS256");
    }
    assert_eq!(server.received().len(), count);
}

#[tokio::test]
async fn a_1_what_is_no_key_is_said_before_anything_is_sent() {
    let server = always(200, &[], GOOD).await;
    let mut client = client(&server);
    let around = Around::new();
    for auth in [ClientAuth::PrivateKeyJwt, ClientAuth::Tls] {
        client.client_auth = auth;
        client.client_key = None;
        assert!(matches!(ask(&around, &client).await, Err(Failure::ClientMisconfigured(Misconfigured::Request(_)))));
    }
    client.client_auth = ClientAuth::PrivateKeyJwt;
    for junk in
        ["", "canary", "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----"]
    {
        client.client_key = Some(Secret::new(junk));
        let failure = ask(&around, &client).await.unwrap_err();
        assert!(matches!(failure, Failure::ClientMisconfigured(Misconfigured::Client(_))), "{junk}");
        assert!(!format!("{failure} {failure:?}").contains("canary"));
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn oa_4_an_assertion_is_not_repeated_in_a_failure() {
    let server = crate::server::Server::start(|request| {
        let body = serde_json::json!({"error": "odd", "error_description": form(request)["client_assertion"]});
        crate::fixture::json(400, &[], &body.to_string())
    })
    .await;
    let mut client = client(&server);
    client.client_auth = ClientAuth::PrivateKeyJwt;
    client.client_key = Some(Secret::new(rcgen::KeyPair::generate().unwrap().serialize_pem()));
    let failure = ask(&Around::new(), &client).await.unwrap_err();
    assert!(matches!(&failure, Failure::Refused { code, .. } if code == "odd"), "{failure:?}");
    assert!(!format!("{failure:?}").contains("eyJ"), "{failure:?}");
}
