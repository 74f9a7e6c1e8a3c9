use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use domain::manifest::Manifest;
use patchbay_auth::{Failure, Material};
use serde_json::{Value, json};

use crate::{
    fixture::{Around, account, always, form, manifest, now},
    server::Server,
};

fn provider(server: &Server, auth: &str) -> Manifest {
    manifest(
        server,
        &format!(
            "[variables.key]\ntype = \"secret\"\nlabel = \"Key\"\nmultiline = true\n\
             pattern = '(?s)(?P<id>[a-z]+):(?P<secret>.+)|\\{{.*\"private_key\":\\s*\"(?P<pem>[^\"]+)\".*\"client_email\":\\s*\"(?P<email>[^\"]+)\".*\\}}|.+'\n\
             [auth]\nmode = \"jwt\"\n{auth}\n[api]\nbase_url = \"@/\"\n",
        ),
    )
}

async fn enter(server: &Server, auth: &str, key: &str) -> Result<Material, Failure> {
    let (provider, around) = (provider(server, auth), Around::new());
    account(&provider, &[("key", key)]).enter(around.out()).await
}

fn part(jwt: &str, at: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jwt.split('.').nth(at).unwrap()).unwrap()).unwrap()
}

fn pem(name: &str) -> String {
    let all: toml::Table = include_str!("../../../../../tests/vectors/signatures/jose.toml").parse().unwrap();
    let (table, key) = name.split_once('.').unwrap();
    all[table][key].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_7_a_jwt_of_the_key_s_parts_is_the_token_and_ends() {
    let server = always(200, &[], "{}").await;
    let auth = "algorithm = \"HS256\"\nkey = \"{key.secret}\"\nkey_encoding = \"hex\"\nlifetime = 240\njti = true\n\
                header = { kid = \"{key.id}\" }\nclaims = { aud = \"/admin/\", n = \"7\" }\nfixed_claims = { level = 3, all = true, list = [\"a\"] }";
    let material = enter(&server, auth, "abc:00ff").await.unwrap();
    let tokens = material.tokens.as_ref().unwrap();
    let jwt = tokens.access_token.expose();
    assert_eq!(part(jwt, 0), json!({"alg": "HS256", "typ": "JWT", "kid": "abc"}));
    let claims = part(jwt, 1);
    let iat = claims["iat"].as_i64().unwrap();
    assert_eq!(claims["exp"].as_i64(), Some(iat + 240));
    assert!(iat <= now().timestamp() && iat > now().timestamp() - 30);
    assert_eq!(tokens.expires_at, Some(now() + TimeDelta::seconds(iat - now().timestamp() + 240)));
    assert_eq!((&claims["aud"], &claims["n"], &claims["level"]), (&json!("/admin/"), &json!("7"), &json!(3)));
    assert_eq!((&claims["all"], &claims["list"]), (&json!(true), &json!(["a"])));
    assert_eq!(claims["jti"].as_str().map(str::len), Some(32));
    let (signed, signature) = jwt.rsplit_once('.').unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[0x00, 0xff]);
    hmac::verify(&key, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    assert!(server.received().is_empty());

    let (provider, around) = (provider(&server, auth), Around::new());
    let account = account(&provider, &[("key", "abc:00ff")]);
    assert!(account.is_renewable(&material));
    let next = account.renew(around.out(), &material).await.unwrap();
    assert_eq!(next.fields, material.fields);
}

const EXCHANGE: &str = "lifetime = 3600\nalgorithm = \"RS256\"\nkey = \"{key}\"\nclaims = { iss = \"a\", aud = \"@/token\" }\n\
    exchange = { method = \"POST\", url = \"@/token\", body = \"form\", fields = { grant_type = \"urn:ietf:params:oauth:grant-type:jwt-bearer\", assertion = \"{jwt}\" } }";

#[tokio::test]
async fn a_7_a_jwt_is_exchanged_for_a_token() {
    let server = always(200, &[], r#"{"access_token":"canary-t","expires_in":3599,"token_type":"Bearer"}"#).await;
    let material = enter(&server, EXCHANGE, &pem("rs256.pkcs8")).await.unwrap();
    let tokens = material.tokens.unwrap();
    assert_eq!(tokens.access_token.expose(), "canary-t");
    assert_eq!(tokens.expires_at, Some(now() + TimeDelta::seconds(3599)));
    let sent = form(&server.received()[0]);
    assert_eq!(sent["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!(part(&sent["assertion"], 1)["aud"], json!(server.url("/token").as_str()));
}

#[tokio::test]
async fn a_7_a_service_account_s_file_is_pasted_whole() {
    let server = always(200, &[], r#"{"access_token":"t"}"#).await;
    let file = json!({"type": "service_account", "private_key": pem("rs256.pkcs8"), "client_email": "a@b.example"})
        .to_string();
    // The key is found in the file by itself; what else is needed, by the pattern's groups.
    let auth = EXCHANGE.replace("iss = \"a\"", "iss = \"{key.email}\"");
    enter(&server, &auth, &file).await.unwrap();
    assert_eq!(part(&form(&server.received()[0])["assertion"], 1)["iss"], "a@b.example");
    let by_group = auth.replace("key = \"{key}\"", "key = \"{key.pem}\"");
    enter(&server, &by_group, &file).await.unwrap();
    assert_eq!(server.received().len(), 2);
}

#[tokio::test]
async fn a_7_every_algorithm_signs_with_its_keys() {
    let server = always(200, &[], "{}").await;
    for (algorithm, key, length) in [
        ("RS256", pem("rs256.pkcs1"), 256),
        ("RS384", pem("rs256.pkcs8"), 256),
        ("RS512", pem("rs256.pkcs8"), 256),
        ("PS256", pem("rs256.pkcs8"), 256),
        ("ES256", pem("es256.sec1"), 64),
        ("ES256", pem("es256.pkcs8"), 64),
        ("EdDSA", pem("eddsa.pkcs8"), 64),
        ("HS384", "canary".into(), 48),
        ("HS512", "canary".into(), 64),
    ] {
        let material = enter(&server, &format!("algorithm = \"{algorithm}\"\nkey = \"{{key}}\""), &key).await.unwrap();
        let jwt = material.tokens.unwrap().access_token;
        assert_eq!(part(jwt.expose(), 0)["alg"], algorithm);
        let signature = jwt.expose().rsplit_once('.').unwrap().1;
        assert_eq!(URL_SAFE_NO_PAD.decode(signature).unwrap().len(), length, "{algorithm}");
    }
}

#[tokio::test]
async fn a_7_keys_that_are_none_say_so_and_nothing_of_themselves() {
    let server = always(200, &[], "{}").await;
    for (auth, key) in [
        ("algorithm = \"RS256\"\nkey = \"{key}\"", "canary"),
        ("algorithm = \"RS256\"\nkey = \"{key}\"", "{\"private_key\": \"canary\"}"),
        ("algorithm = \"ES384\"\nkey = \"{key}\"", &pem("es256.sec1")),
        ("algorithm = \"HS256\"\nkey = \"{key}\"\nkey_encoding = \"hex\"", "canary"),
        ("algorithm = \"HS256\"\nkey = \"{key}\"\nkey_encoding = \"base64\"", "canary!"),
        ("algorithm = \"HS256\"\nkey = \"{key.secret}\"", "canary"),
    ] {
        let failure = enter(&server, auth, key).await.unwrap_err();
        assert!(matches!(failure, Failure::ClientMisconfigured(_)), "{failure:?}");
        assert!(!format!("{failure} {failure:?}").contains("canary"));
    }
}

#[tokio::test]
async fn c_5_a_refused_assertion_is_told_from_an_outage() {
    for (status, body, code) in [
        (400, r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#, "revoked"),
        (401, "", "revoked"),
        (200, "{}", "bad_answer"),
        (200, "<html>", "bad_answer"),
        (500, "", "provider_down"),
        (429, "", "throttled"),
    ] {
        let server = always(status, &[], body).await;
        let failure = enter(&server, EXCHANGE, &pem("rs256.pkcs8")).await.unwrap_err();
        assert_eq!(failure.code(), code, "{status} {body}: {failure:?}");
    }
}
