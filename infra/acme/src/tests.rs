//! The demo provider as a client sees it: over HTTP, with nothing of its inside in hand.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use crate::{Acme, Client, Command, Fault, Kind, Misbehaviour, Options};
use serde_json::{Value, json};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CALLBACK: &str = "http://127.0.0.1:1/callback";

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }

    fn location(&self) -> url::Url {
        let line = self.head.lines().find(|line| line.starts_with("location: ")).expect("a redirect");
        url::Url::parse(line.trim_start_matches("location: ")).unwrap()
    }

    fn parameter(&self, name: &str) -> Option<String> {
        self.location().query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

fn start(orders: u64) -> Acme {
    let client = Client {
        id: "app".into(),
        secret: "s3cret".into(),
        redirect_uris: vec![CALLBACK.into()],
        name: "An <app>".into(),
    };
    Acme::start(Options { orders, clients: vec![client], ..Options::default() }).unwrap()
}

/// The bytes of the answer, which may break off.
fn raw(acme: &Acme, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut stream = TcpStream::connect(acme.origin().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: acme\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn call(acme: &Acme, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let text = raw(acme, method, path, headers, body);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {method} {path}: {text}"));
    Answer { status: head[9..12].parse().unwrap(), head: head.to_owned(), body: body.to_owned() }
}

fn get(acme: &Acme, token: &str, path: &str) -> Answer {
    call(acme, "GET", path, &[("authorization", &format!("Bearer {token}"))], "")
}

fn form(acme: &Acme, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    call(acme, "POST", path, &[("content-type", "application/x-www-form-urlencoded")], &body)
}

fn authorize(acme: &Acme, changes: &[(&str, &str)]) -> Answer {
    let mut fields = vec![
        ("client_id", "app"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "profile orders:read"),
        ("state", "st&te"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        fields.iter_mut().find(|(field, _)| field == name).expect("a known field").1 = value;
    }
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    call(acme, "GET", &format!("/auth?{query}"), &[], "")
}

fn transaction(page: &Answer) -> String {
    assert_eq!(page.status, 200, "{}", page.body);
    let (_, rest) = page.body.split_once("name=\"transaction\" value=\"").expect("a consent page");
    rest.split_once('"').unwrap().0.to_owned()
}

fn code(acme: &Acme) -> String {
    let transaction = transaction(&authorize(acme, &[]));
    let fields = [("transaction", transaction.as_str()), ("account", "shop_south"), ("decision", "allow")];
    let answer = form(acme, "/auth/decision", &fields);
    assert_eq!(answer.parameter("state").as_deref(), Some("st&te"));
    assert_eq!(answer.parameter("iss").as_deref(), Some(acme.origin()));
    assert_eq!(form(acme, "/auth/decision", &fields).status, 400, "a consent is answered once");
    answer.parameter("code").expect("a code")
}

fn token(acme: &Acme, fields: &[(&str, &str)]) -> Answer {
    let client = [("client_id", "app"), ("client_secret", "s3cret")];
    form(acme, "/token", &[&client, fields].concat())
}

fn mint(acme: &Acme) -> String {
    let command = Command::Mint { client_id: "app".into(), account: "shop_north".into() };
    acme.control(command).unwrap()["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn consent_code_tokens_refresh_and_revocation() {
    let acme = start(5);
    let code = code(&acme);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(form(&acme, "/token", &fields).status, 401, "a confidential client has to say who it is");
    let issued = token(&acme, &fields).json();
    let access = issued["access_token"].as_str().unwrap();
    assert_eq!(get(&acme, access, "/me").json(), json!({ "sub": "shop_south", "name": "Harbour Tea Company" }));
    assert_eq!(get(&acme, access, "/v1/orders").json()["data"].as_array().unwrap().len(), 5);
    let forbidden = get(&acme, access, "/v1/customers");
    assert_eq!(forbidden.status, 403);
    assert!(forbidden.head.contains("insufficient_scope"));

    let refresh = issued["refresh_token"].as_str().unwrap();
    let rotated = token(&acme, &[("grant_type", "refresh_token"), ("refresh_token", refresh)]).json();
    let access = rotated["access_token"].as_str().unwrap();
    assert_eq!(get(&acme, access, "/me").status, 200);
    let revocation =
        [("client_id", "app"), ("client_secret", "s3cret"), ("token", rotated["refresh_token"].as_str().unwrap())];
    assert_eq!(form(&acme, "/token/revocation", &revocation).status, 200);
    assert_eq!(get(&acme, access, "/me").status, 401);
}

#[test]
fn what_is_wrong_with_a_request_is_told_to_the_right_one() {
    let acme = start(1);
    assert_eq!(authorize(&acme, &[("client_id", "nobody")]).status, 400);
    assert_eq!(authorize(&acme, &[("redirect_uri", "http://127.0.0.1:1/callback/")]).status, 400);
    for (field, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("scope", "everything", "invalid_scope"),
    ] {
        let answer = authorize(&acme, &[(field, value)]);
        assert_eq!((answer.status, answer.parameter("error").as_deref()), (303, Some(error)), "{field}={value}");
    }
    let page = authorize(&acme, &[]);
    assert!(page.body.contains("An &lt;app&gt; wants"));
    assert!(page.head.contains("x-frame-options: DENY"));
    let transaction = transaction(&page);
    let denied = form(&acme, "/auth/decision", &[("transaction", &transaction), ("decision", "deny")]);
    assert_eq!(denied.parameter("error").as_deref(), Some("access_denied"));
}

#[test]
fn listings_page_through_everything_and_show_changes_since() {
    let acme = start(25);
    let token = mint(&acme);
    let (mut seen, mut path) = (Vec::new(), "/v1/orders?limit=10".to_owned());
    loop {
        let page = get(&acme, &token, &path).json();
        seen.extend(page["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => path = format!("/v1/orders?limit=10&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, acme.ids("shop_north", Kind::Orders));

    let last = get(&acme, &token, "/v1/orders/ord_000025").json()["updated_at"].as_str().unwrap().to_owned();
    let account = || "shop_north".to_owned();
    acme.control(Command::Update { account: account(), kind: Kind::Orders, ids: vec!["ord_000003".into()] }).unwrap();
    acme.control(Command::Delete { account: account(), kind: Kind::Orders, ids: vec!["ord_000004".into()] }).unwrap();
    acme.control(Command::Add { account: account(), kind: Kind::Orders, count: 1 }).unwrap();
    let page = get(&acme, &token, &format!("/v1/orders?updated_since={last}")).json();
    let changed: Vec<_> = page["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(changed, ["ord_000025", "ord_000003", "ord_000004", "ord_000026"]);
    assert_eq!(page["data"][2]["deleted"], true);
    assert_eq!(get(&acme, &token, "/v1/orders/ord_000004").status, 404);
    assert_eq!(get(&acme, &token, "/v1/orders?after=nonsense").status, 400);
    let gone = Command::Update { account: account(), kind: Kind::Orders, ids: vec!["ord_000004".into()] };
    assert_eq!(acme.control(gone).unwrap_err(), "there is no ord_000004");
}

#[test]
fn an_order_is_cancelled_once() {
    let acme = start(3);
    let bearer = format!("Bearer {}", mint(&acme));
    let cancel = || call(&acme, "POST", "/v1/orders/ord_000002/cancel", &[("authorization", &bearer)], "");
    assert_eq!(cancel().json()["status"], "cancelled");
    assert_eq!(cancel().status, 409);
}

#[test]
fn an_address_is_registered_once_and_taken_back() {
    let acme = start(1);
    let token = mint(&acme);
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let url = "https://app.example/in/1";
    let subscribe = || call(&acme, "POST", "/v1/webhooks", &headers, &json!({ "url": url }).to_string());
    let made = subscribe();
    assert_eq!((made.status, &made.json()["url"]), (201, &json!(url)));
    assert_eq!(subscribe().status, 409);
    assert_eq!(acme.subscribed("shop_north"), [url]);
    assert_eq!(acme.subscribed("shop_south"), [""; 0], "each shop has its own");
    let listed = get(&acme, &token, "/v1/webhooks").json();
    assert_eq!(listed["data"], json!([made.json()]));
    let path = format!("/v1/webhooks/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(call(&acme, "DELETE", &path, &headers, "").status, 204);
    assert_eq!(call(&acme, "DELETE", &path, &headers, "").status, 404);
    assert_eq!(acme.subscribed("shop_north"), [""; 0]);
}

#[test]
fn it_misbehaves_as_told_and_then_stops() {
    let acme = start(3);
    let token = mint(&acme);
    let fault = |fault| acme.misbehave(Misbehaviour { path: "/v1/".into(), skip: 0, times: 1, fault });
    let orders = || get(&acme, &token, "/v1/orders");

    fault(Fault::Status { status: 429, retry_after: Some("7".into()), body: None });
    let answer = orders();
    assert_eq!(answer.status, 429);
    assert!(answer.head.contains("retry-after: 7"));
    assert_eq!(orders().status, 200);

    fault(Fault::Cut);
    let answer = orders();
    assert!(answer.head.contains("content-length: 4096"));
    assert_eq!(answer.body.len(), 2052, "half of what was promised");

    fault(Fault::WrongJson);
    assert!(serde_json::from_str::<Value>(&orders().body).is_err());

    fault(Fault::Slow { ms: 150 });
    let before = std::time::Instant::now();
    assert_eq!(orders().status, 200);
    assert!(before.elapsed() >= Duration::from_millis(150));

    acme.misbehave(Misbehaviour { path: "/v1/".into(), skip: 1, times: 1, fault: Fault::LoseAnswer });
    assert_eq!(orders().status, 200, "the first one passes");
    let bearer = format!("Bearer {token}");
    let lost = raw(&acme, "POST", "/v1/orders/ord_000001/cancel", &[("authorization", &bearer)], "");
    assert!(!lost.contains("cancelled"), "{lost}");
    assert_eq!(get(&acme, &token, "/v1/orders/ord_000001").json()["status"], "cancelled", "it took effect");
    assert_eq!(acme.calls()["POST /v1/orders/ord_000001/cancel"], 1);
}

#[test]
fn control_works_over_http_and_says_what_it_did_not_understand() {
    let acme = start(3);
    let post = |body: &str| call(&acme, "POST", "/control", &[("content-type", "application/json")], body);
    let fault = r#"{"do":"misbehave","path":"/me","times":1,"fault":{"kind":"status","status":500}}"#;
    assert_eq!(post(fault).status, 200);
    let minted = post(r#"{"do":"mint","client_id":"app","account":"shop_north"}"#).json();
    let token = minted["access_token"].as_str().unwrap();
    assert_eq!(get(&acme, token, "/me").status, 500);
    assert_eq!(get(&acme, token, "/me").status, 200);
    assert_eq!(call(&acme, "GET", "/control/calls", &[], "").json(), json!({ "GET /me": 2 }));
    assert_eq!(post(r#"{"do":"expire_access_tokens"}"#).status, 200);
    assert_eq!(get(&acme, token, "/me").status, 401);
    assert_eq!(post(r#"{"do":"dance"}"#).status, 400);
}

#[test]
fn mirrors_show_what_arrived() {
    let acme = start(1);
    let headers = [("authorization", "Bearer t0ken"), ("x-one", "1"), ("content-type", "text/plain")];
    let echo = call(&acme, "PUT", "/echo?a=b", &headers, "hello");
    assert!(echo.head.contains("x-echo-authorization: Bearer t0ken"));
    let echo = echo.json();
    assert_eq!((&echo["method"], &echo["query"], &echo["body"]), (&json!("PUT"), &json!("a=b"), &json!("aGVsbG8=")));
    assert_eq!(echo["headers"]["x-one"], json!(["1"]));
    let mirror = call(&acme, "POST", "/mirror", &headers, "hello");
    assert!(mirror.head.contains("content-type: text/plain"));
    assert!(mirror.body.contains("hello"));
    let token = mint(&acme);
    assert_eq!(get(&acme, &token, "/v1/blob/1k").body.len(), 1024);
}

#[test]
fn tokens_of_another_authorization_server_open_a_shop_each() {
    let issuer = start(1);
    let token = mint(&issuer);
    let acme =
        Acme::start(Options { orders: 4, issuer: Some(issuer.origin().to_owned()), ..Options::default() }).unwrap();
    assert_eq!(get(&acme, &token, "/me").json(), json!({ "sub": "shop_north", "name": "Northwind Lanterns" }));
    assert_eq!(get(&acme, &token, "/v1/orders").json()["data"].as_array().unwrap().len(), 4);
    assert_eq!(issuer.calls()["GET /me"], 1, "the answer is believed for a while");
    assert_eq!(get(&acme, "nonsense", "/v1/orders").status, 401);
    drop(issuer);
    assert_eq!(get(&acme, "another", "/v1/orders").status, 503);
}

#[test]
fn it_ends_at_once_with_a_request_still_hanging() {
    let acme = start(1);
    acme.misbehave(Misbehaviour { path: "/me".into(), skip: 0, times: 1, fault: Fault::Hang });
    let mut stream = TcpStream::connect(acme.origin().trim_start_matches("http://")).unwrap();
    stream.write_all(b"GET /me HTTP/1.1\r\nhost: acme\r\n\r\n").unwrap();
    while acme.calls().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let before = std::time::Instant::now();
    drop(acme);
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
}
