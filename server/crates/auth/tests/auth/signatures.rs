use std::collections::BTreeMap;

use aws_lc_rs::{digest, hmac};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use domain::manifest::Manifest;
use patchbay_auth::{Account, Failure, Material};

use crate::{
    fixture::{Around, account, always, form, json, manifest, now},
    server::{Received, Server, answer},
};

fn provider(server: &Server, variables: &[&str], sign: &str) -> Manifest {
    let variables: String = variables
        .iter()
        .map(|name| {
            format!("[variables.{name}]\ntype = \"secret\"\nlabel = \"{name}\"\noptional = {}\n", *name == "extra")
        })
        .collect();
    manifest(
        server,
        &format!(
            "{variables}[auth]\nmode = \"key\"\n[api]\nbase_url = \"@/\"\n[api.credential.sign]\n{sign}\n[identity]\nurl = \"/me?b=2&a=1\"\naccount = \"id\"\n"
        ),
    )
}

async fn ask(account: &mut Account<'_>) -> Result<Material, Failure> {
    let around = Around::new();
    let material = account.enter(around.out()).await?;
    account.identify(around.out(), &material).await?;
    Ok(material)
}

async fn good() -> Server {
    always(200, &[], r#"{"id":"me"}"#).await
}

const TOKEN_BASED: &str = "scheme = \"oauth1\"\nconsumer_key = \"{consumer}\"\nconsumer_secret = \"{consumer_secret}\"\n\
    token = \"{token}\"\ntoken_secret = \"{token_secret}\"\nrealm = \"{realm}\"\nsignature = \"hmac-sha256\"";
const FOUR: [(&str, &str); 5] = [
    ("consumer", "c1"),
    ("consumer_secret", "canary-cs"),
    ("token", "t1"),
    ("token_secret", "canary-ts"),
    ("realm", "1234567_SB1"),
];

#[tokio::test]
async fn a_9_token_based_authentication_with_four_typed_values() {
    let server = good().await;
    let provider = provider(&server, &FOUR.map(|(name, _)| name), TOKEN_BASED);
    ask(&mut account(&provider, &FOUR)).await.unwrap();
    let header = server.received()[0].header("authorization").unwrap().to_owned();
    assert!(header.starts_with("OAuth realm=\"1234567_SB1\", oauth_consumer_key=\"c1\""), "{header}");
    assert!(header.contains("oauth_signature_method=\"HMAC-SHA256\"") && header.contains("oauth_token=\"t1\""));
    assert!(!header.contains("canary"));
}

#[tokio::test]
async fn a_9_a_template_over_the_request() {
    let sign = "scheme = \"hmac\"\nhash = \"sha256\"\nkey = \"{secret}\"\nkey_encoding = \"base64\"\nencoding = \"base64\"\n\
        message = \"{timestamp_ms}\\n{method}\\n{path}\\n{id}\"\n\
        headers = { Authorization = \"HMAC {id}:{signature}\", X-Nonce = \"{nonce}\", X-Extra = \"{extra}\" }\n\
        query = { ts = \"{timestamp_ms}\" }";
    let server = good().await;
    let provider = provider(&server, &["id", "secret", "extra"], sign);
    let secret = STANDARD.encode("canary-key");
    ask(&mut account(&provider, &[("id", "app"), ("secret", &secret)])).await.unwrap();
    let received = &server.received()[0];
    assert_eq!(received.target, "/me?b=2&a=1&ts=1800000000000");
    let message = format!("1800000000000\nGET\n{}\napp", received.target);
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"canary-key");
    let expected = STANDARD.encode(hmac::sign(&key, message.as_bytes()));
    assert_eq!(received.header("authorization"), Some(format!("HMAC app:{expected}").as_str()));
    assert_eq!(received.header("x-nonce").map(str::len), Some(32));
    assert_eq!(received.header("x-extra"), None, "what was left empty is left out");
}

#[tokio::test]
async fn a_9_user_name_tokens() {
    let server = good().await;
    let provider =
        provider(&server, &["user", "pass"], "scheme = \"wsse\"\nusername = \"{user}\"\npassword = \"{pass}\"");
    ask(&mut account(&provider, &[("user", "ann"), ("pass", "canary")])).await.unwrap();
    let received = &server.received()[0];
    let header = received.header("x-wsse").unwrap();
    let part = |name: &str| header.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!((part("Username").as_str(), part("Created").as_str()), ("ann", "2027-01-15T08:00:00Z"));
    let signed = [part("Nonce").as_str(), "2027-01-15T08:00:00Z", "canary"].concat();
    let expected = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, signed.as_bytes());
    assert_eq!(part("PasswordDigest"), STANDARD.encode(expected));
}

const KEYS: [(&str, &str); 3] = [("id", "AKID"), ("secret", "canary-secret"), ("role", "arn:x:iam::1:role/r")];

fn with_role(role: bool) -> String {
    let more = if role { "role_arn = \"{role}\"\nrole_url = \"@/sts\"\nexternal_id = \"{extra}\"" } else { "" };
    format!(
        "scheme = \"aws_sigv4\"\naccess_key = \"{{id}}\"\nsecret_key = \"{{secret}}\"\nregion = \"eu-central-1\"\nservice = \"execute-api\"\n{more}"
    )
}

fn scope(request: &Received) -> String {
    let header = request.header("authorization").unwrap();
    header.split("Credential=").nth(1).unwrap().split(',').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_9_keys_sign_by_themselves() {
    let server = good().await;
    let provider = provider(&server, &["id", "secret", "role", "extra"], &with_role(false));
    let material = ask(&mut account(&provider, &KEYS)).await.unwrap();
    assert!(material.tokens.is_none());
    assert_eq!(scope(&server.received()[0]), "AKID/20270115/eu-central-1/execute-api/aws4_request");
    assert!(!account(&provider, &KEYS).is_renewable(&material));
}

fn assumed(request: &Received) -> Vec<crate::server::Step> {
    match request.target.as_str() {
        "/sts" => answer(
            200,
            &[("content-type", "text/xml")],
            "<AssumeRoleResponse xmlns=\"urn:x\"><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId>\
             <SecretAccessKey>canary-temp</SecretAccessKey><SessionToken>canary-session</SessionToken>\
             <Expiration>2027-01-15T09:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
        ),
        _ => json(200, &[], r#"{"id":"me"}"#),
    }
}

#[tokio::test]
async fn a_9_a_role_is_assumed_and_assumed_again_before_its_keys_end() {
    let server = Server::start(assumed).await;
    let provider = provider(&server, &["id", "secret", "role", "extra"], &with_role(true));
    let secrets: Vec<(&str, &str)> = KEYS.into_iter().chain([("extra", "ext-1")]).collect();
    let mut account = account(&provider, &secrets);
    let material = ask(&mut account).await.unwrap();
    let tokens = material.tokens.as_ref().unwrap();
    assert_eq!(tokens.expires_at, Some(now() + TimeDelta::hours(1)));
    assert!(!format!("{material:?}").contains("canary"));
    let received = server.received();
    let asked: BTreeMap<String, String> = form(&received[0]);
    assert_eq!((asked["Action"].as_str(), asked["RoleArn"].as_str()), ("AssumeRole", "arn:x:iam::1:role/r"));
    assert_eq!(asked["ExternalId"], "ext-1");
    assert_eq!(scope(&received[0]), "AKID/20270115/eu-central-1/sts/aws4_request");
    assert_eq!(scope(&received[1]), "ASIA1/20270115/eu-central-1/execute-api/aws4_request");
    assert_eq!(received[1].header("x-amz-security-token"), Some("canary-session"));
    assert!(account.is_renewable(&material));
    let around = Around::new();
    let sealed = Material::from_bytes(&material.to_bytes()).unwrap();
    let renewed = account.renew(around.out(), &sealed).await.unwrap();
    assert_eq!(renewed.tokens, material.tokens);
    assert_eq!(renewed.fields, material.fields);
    let hidden = account.credential(&renewed).unwrap().unwrap().masker();
    assert!(hidden.finds("canary-temp") && hidden.finds("canary-session") && hidden.finds("canary-secret"));
    assert!(account.credential(&Material::default()).is_err(), "the role's keys are needed");
}

#[tokio::test]
async fn c_5_a_role_that_cannot_be_assumed_says_why() {
    let error = |code: &str, text: &str| {
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error></ErrorResponse>"
        )
    };
    for (status, body, code) in [
        (403, error("AccessDenied", "User x is not authorized to perform: sts:AssumeRole"), "revoked"),
        (403, error("InvalidClientTokenId", "The security token is invalid"), "revoked"),
        (400, error("ValidationError", "1 validation error detected"), "refused"),
        (429, error("Throttling", "Rate exceeded"), "throttled"),
        (503, String::new(), "provider_down"),
        (200, "<a/>".into(), "bad_answer"),
        (200, "not xml".into(), "bad_answer"),
    ] {
        let shown = body.clone();
        let server = Server::start(move |_| answer(status, &[], &body)).await;
        let provider = provider(&server, &["id", "secret", "role", "extra"], &with_role(true));
        let failure = ask(&mut account(&provider, &KEYS)).await.unwrap_err();
        assert_eq!(failure.code(), code, "{status} {shown}: {failure:?}");
    }
}

#[tokio::test]
async fn a_9_plaintext_secrets_never_leave_over_plain_http() {
    let server = good().await;
    let sign = TOKEN_BASED.replace("hmac-sha256", "plaintext");
    let provider = provider(&server, &FOUR.map(|(name, _)| name), &sign);
    let failure = ask(&mut account(&provider, &FOUR)).await.unwrap_err();
    assert!(matches!(failure, Failure::ClientMisconfigured(_)), "{failure:?}");
    assert_eq!(server.connections(), 0);
}
