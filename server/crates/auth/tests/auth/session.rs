use chrono::TimeDelta;
use patchbay_auth::{Failure, Material};

use crate::{
    fixture::{Around, account, form, json, manifest, now},
    server::{Received, Server, Step, answer},
};

const FIELDS: [(&str, &str); 2] = [("username", "ann & co"), ("password", "canary<pass>\"&'")];

/// Signs in at a provider whose `[auth]` is this.
async fn enter(server: &Server, auth: &str) -> Result<(Material, std::collections::BTreeMap<String, String>), Failure> {
    let provider = manifest(
        server,
        &format!(
            "[variables.username]\ntype = \"secret\"\nlabel = \"User\"\n[variables.password]\ntype = \"secret\"\nlabel = \"Password\"\n\
             [variables.shard]\ntype = \"label\"\nat = \"answer\"\nlabel = \"Shard\"\nfrom = \"token.home.shard\"\noptional = true\n\
             {auth}\n[api]\nbase_url = \"@/api\"\ncredential = {{ headers = {{ X-Session = \"{{access_token}}\" }} }}\n",
        ),
    );
    let around = Around::new();
    let mut account = account(&provider, &FIELDS);
    let material = account.enter(around.out()).await?;
    assert!(account.is_renewable(&material));
    Ok((material, account.variables))
}

const JSON: &str = r#"
[auth]
mode = "session"
access_token = "{token}"
expires_in = "{seconds}"
lifetime = 600
[[auth.steps]]
call = { method = "POST", url = "@/login?v=1", body = "json", fields = { user = "{username}", "auth.password" = "{password}" }, query = { key = "{username}" } }
take = { token = "body.home.token", seconds = "body.ttl" }
"#;

fn body(received: &Received) -> String {
    String::from_utf8(received.body.clone()).unwrap()
}

#[tokio::test]
async fn a_6_json_with_a_token_a_lifetime_and_what_the_answer_says_of_the_account() {
    let server =
        Server::start(|_| json(200, &[], r#"{"ttl":"120","home":{"token":"canary-t","shard":"eu1","secret":"x"}}"#))
            .await;
    let (material, variables) = enter(&server, JSON).await.unwrap();
    let tokens = material.tokens.unwrap();
    assert_eq!(tokens.access_token.expose(), "canary-t");
    assert_eq!(tokens.expires_at, Some(now() + TimeDelta::seconds(120)));
    assert_eq!(variables["shard"], "eu1");
    assert_eq!(tokens.extra.keys().collect::<Vec<_>>(), ["home.shard"], "nothing else of the answer is kept");
    assert_eq!(material.fields.len(), 2, "what was typed in is kept for the next time");
    let received = &server.received()[0];
    assert_eq!(received.target, "/login?v=1&key=ann+%26+co");
    let sent: serde_json::Value = serde_json::from_slice(&received.body).unwrap();
    assert_eq!(sent, serde_json::json!({"user": "ann & co", "auth": {"password": "canary<pass>\"&'"}}));
}

#[tokio::test]
async fn a_6_where_the_provider_says_nothing_the_manifest_does() {
    for (ttl, expected) in [("0", 600), ("-1", 600), ("\"soon\"", 600), ("30", 30)] {
        let answer = format!(r#"{{"ttl":{ttl},"home":{{"token":"t"}}}}"#);
        let server = Server::start(move |_| json(200, &[], &answer)).await;
        let (material, _) = enter(&server, JSON).await.unwrap();
        assert_eq!(material.tokens.unwrap().expires_at, Some(now() + TimeDelta::seconds(expected)), "{ttl}");
    }
}

#[tokio::test]
async fn a_6_steps_hand_on_what_they_took() {
    let auth = r#"
[auth]
mode = "session"
access_token = "{first}.{sid}"
expires_at = "{end}"
[[auth.steps]]
call = { method = "POST", url = "@/one", body = "form", fields = { u = "{username}" }, basic = { username = "{username}", password = "{password}" } }
take = { first = "header.x-first", nonce = "text" }
[[auth.steps]]
call = { url = "@/two", headers = { Authorization = "JWT {jwt}", X-Nonce = "{nonce}" } }
take = { sid = "cookie.sid", end = "body.end" }
jwt = { algorithm = "HS256", key = "{password}", claims = { sub = "{username}", nonce = "{nonce}" } }
"#;
    let server = Server::start(|request| match request.target.as_str() {
        "/one" => answer(200, &[("x-first", "f1"), ("set-cookie", "sid=wrong")], " n-1\n"),
        _ => json(
            302,
            &[("set-cookie", "other=1; Path=/"), ("set-cookie", "sid=canary-s; HttpOnly"), ("location", "/home")],
            r#"{"end":1800000060}"#,
        ),
    })
    .await;
    let (material, _) = enter(&server, auth).await.unwrap();
    let tokens = material.tokens.unwrap();
    assert_eq!(tokens.access_token.expose(), "f1.canary-s");
    assert_eq!(tokens.expires_at, Some(now() + TimeDelta::seconds(60)));
    let received = server.received();
    assert_eq!(form(&received[0])["u"], "ann & co");
    assert!(received[0].header("authorization").unwrap().starts_with("Basic "));
    assert_eq!(received[1].header("x-nonce"), Some("n-1"));
    let jwt = received[1].header("authorization").unwrap().strip_prefix("JWT ").unwrap();
    let claims = jwt.split('.').nth(1).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(
        &base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims).unwrap(),
    )
    .unwrap();
    assert_eq!((claims["sub"].as_str(), claims["nonce"].as_str()), (Some("ann & co"), Some("n-1")));
}

/// An assertion in a document, as SAML has it, and an answer in XML.
const XML: &str = r#"
[auth]
mode = "session"
access_token = "{sid}"
[[auth.steps]]
call = { method = "POST", url = "@/soap", body = "xml", headers = { SOAPAction = "login" }, content = '''<e:Envelope xmlns:e="urn:e"><e:Body><login><user name="{username}"/><password>{password}</password></login></e:Body></e:Envelope>''' }
take = { sid = "body.Envelope.Body.loginResponse.result.sessionId" }
"#;

#[tokio::test]
async fn a_6_xml_both_ways_with_values_that_stay_in_their_place() {
    let server = Server::start(|_| {
        answer(200, &[("content-type", "text/xml")], "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"urn:s\"><s:Body><loginResponse><result><sessionId>a&amp;b</sessionId></result></loginResponse></s:Body></s:Envelope>")
    })
    .await;
    let (material, _) = enter(&server, XML).await.unwrap();
    assert_eq!(material.tokens.unwrap().access_token.expose(), "a&b");
    let received = &server.received()[0];
    assert_eq!(received.header("content-type"), Some("text/xml; charset=utf-8"));
    assert_eq!(received.header("soapaction"), Some("login"));
    let expected = "<user name=\"ann &amp; co\"/><password>canary&lt;pass&gt;&quot;&amp;&apos;</password>";
    assert!(body(received).contains(expected), "{}", body(received));
}

#[tokio::test]
async fn c_5_wrong_passwords_are_told_from_outages() {
    let answers: [(u16, &str, &str); 16] = [
        (401, "", "revoked"),
        (401, r#"{"message":"Nope"}"#, "revoked"),
        (403, "<html>", "revoked"),
        (400, r#"{"error":"invalid_grant"}"#, "revoked"),
        (400, r#"{"error":{"code":7,"message":"Unknown login"}}"#, "revoked"),
        (200, r#"{"error":"Wrong password for canary<pass>\"&'"}"#, "revoked"),
        (200, r#"{"success":false,"message":"Invalid credentials"}"#, "revoked"),
        (200, r#"{"success":false,"message":"Quota"}"#, "refused"),
        (400, r#"{"message":"no such field"}"#, "refused"),
        (422, "", "refused"),
        (200, "{}", "bad_answer"),
        (200, "", "bad_answer"),
        (429, r#"{"message":"login limit"}"#, "throttled"),
        (500, r#"{"message":"login service is down"}"#, "provider_down"),
        (503, "", "provider_down"),
        (200, r#"{"ttl":1,"home":{"token":"a\nb"}}"#, "bad_answer"),
    ];
    for (status, given, code) in answers {
        let server = Server::start(move |_| json(status, &[], given)).await;
        let failure = enter(&server, JSON).await.unwrap_err();
        assert_eq!(failure.code(), code, "{status} {given}: {failure:?}");
        assert!(!format!("{failure} {failure:?}").contains("canary"), "{failure:?}");
    }
}

#[tokio::test]
async fn c_5_a_soap_fault_is_a_refusal_whatever_its_status() {
    let fault = |code: &str, text: &str| {
        format!(
            "<e:Envelope><e:Body><e:Fault><faultcode>{code}</faultcode><faultstring>{text}</faultstring></e:Fault></e:Body></e:Envelope>"
        )
    };
    for (status, given, code) in [
        (500, fault("INVALID_LOGIN", "Invalid username, password"), "revoked"),
        (200, fault("x:Client", "authentication failed"), "revoked"),
        (500, fault("Server", "try again"), "refused"),
        (500, "<a/>".into(), "provider_down"),
        (500, "<!DOCTYPE a><a><faultstring>login</faultstring></a>".into(), "provider_down"),
        (503, fault("login", "down"), "provider_down"),
    ] {
        let shown = given.clone();
        let server = Server::start(move |_| answer(status, &[("content-type", "text/xml")], &given)).await;
        let failure = enter(&server, XML).await.unwrap_err();
        assert_eq!(failure.code(), code, "{status} {shown}: {failure:?}");
    }
}

#[tokio::test]
async fn c_5_what_the_provider_says_reaches_the_merchant() {
    let server =
        Server::start(|_| json(401, &[], r#"{"error":"E7","error_description":"The API user is locked"}"#)).await;
    let failure = enter(&server, JSON).await.unwrap_err();
    assert!(failure.to_string().contains("The API user is locked"), "{failure}");
    let slow = Server::start(|_| vec![Step::Close]).await;
    assert_eq!(enter(&slow, JSON).await.unwrap_err().code(), "provider_down");
}
