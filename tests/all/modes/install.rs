//! Installs that begin at a vendor's marketplace (A11), by redirect and by webhook.

use aws_lc_rs::{
    digest,
    hmac::{self, HMAC_SHA256},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use domain::clock::Clock as _;
use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::{connected, integrate, market::Market};
use crate::support::*;

const SECRET: &str = "client-secret-of-the-marketplace-tests";
const PAGE: &str = "https://app.lamplight.example/install?from=market";

/// A vendor whose installs begin as said, with more fields of `[auth]`.
fn manifest(market: &Market, auth: &str) -> String {
    let origin = market.origin();
    format!(
        r#"
        [variables.shop]
        type = "label"
        label = "Shop"
        [variables.realm]
        type = "text"
        at = "answer"
        from = "callback.realm"
        label = "Realm"
        [auth]
        mode = "oauth2_code"
        authorization_url = "https://{{shop}}.shops.example/authorize"
        token_url = "{origin}/token"
        {auth}
        [api]
        base_url = "{origin}/api/{{shop}}"
        [identity]
        url = "/me"
        account_variable = "realm"
        name = "name"
        "#
    )
}

const CODE: &str = "pkce = false\ninstall = { begins = \"code\", fill = { shop = \"shop\" } }";
const SIGNED: &str = "callback_code_param = \"auth_code\"\n\
    install = { begins = \"authorize\", fill = { shop = \"shop\" }, hmac_param = \"hmac\" }";

/// A world with an integration of that vendor.
async fn vendor(auth: &str) -> (World, Market, Value) {
    let world = World::start(Options::default()).await;
    let market = Market::start().await;
    let wish = json!({ "client_id": "app", "client_secret": SECRET, "install_url": PAGE });
    let integration = integrate(&world, "market", &manifest(&market, auth), wish).await;
    let arrives_at = integration["app_url"].as_str().unwrap();
    assert!(arrives_at.starts_with(&format!("{}/connect/install/int_", world.origin())), "{integration}");
    assert_eq!(integration["install_url"], PAGE);
    (world, market, integration)
}

/// A query with the vendor's signature behind it.
fn signed(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    pairs.sort();
    let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    let signature = hmac::sign(&hmac::Key::new(HMAC_SHA256, SECRET.as_bytes()), text.as_bytes());
    format!("{query}&hmac={}", hex::encode(signature))
}

fn browser(world: &World) -> Caller {
    Caller::new(world.origin()).with_cookies()
}

/// A browser arrives; gives the install that the tenant's page is told of.
async fn arrive(browser: &Caller, integration: &Value, query: &str) -> String {
    let answer = browser.get(&format!("{}?{query}", integration["app_url"].as_str().unwrap())).await;
    assert_eq!(answer.status, 303, "{answer}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    let to: Url = answer.header("location").unwrap().parse().unwrap();
    assert!(to.as_str().starts_with(PAGE), "{to}");
    let install = to.query_pairs().find(|(name, _)| name == "patchbay_install").unwrap().1.into_owned();
    assert!(install.starts_with("inst_"), "{install}");
    install
}

/// The tenant's app opens a session for whoever has signed in.
async fn claim(world: &World, install: &str) -> Answer {
    let wish = json!({ "end_user": { "id": "merchant-17" }, "install": install });
    world.key().post("/v1/connect/sessions", &wish).await
}

/// What the page of a session offers.
async fn page(world: &World, session: &Value) -> Value {
    let token = format!("Bearer {}", session["token"].as_str().unwrap());
    Caller::new(world.origin()).with_header("authorization", &token).get("/connect/api/session").await.ok()
}

/// Presses the button, in that browser.
async fn launch(world: &World, browser: &Caller, session: &Value, integration: &Value, fields: &Value) -> Answer {
    let fields = fields.to_string();
    let form = [
        ("token", session["token"].as_str().unwrap()),
        ("integration_id", integration["id"].as_str().unwrap()),
        ("display", "redirect"),
        ("fields", &fields),
    ];
    browser.request(Method::POST, "/connect/launch").header("origin", world.origin()).form(&form).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_11_a_signed_arrival_goes_on_to_the_authorization_request() {
    let (world, market, integration) = vendor(SIGNED).await;
    let browser = browser(&world);
    let now = world.clock().now().timestamp();
    let install = arrive(&browser, &integration, &signed(&format!("shop=North.shops.example&timestamp={now}"))).await;
    assert!(browser.cookies().is_empty(), "there is no code yet that a browser had to be bound to");
    let session = claim(&world, &install).await.ok();

    let shown = page(&world, &session).await;
    let choices = shown["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 1, "{shown}");
    assert_eq!((&choices[0]["integration_id"], &choices[0]["fields"]), (&integration["id"], &json!([])));

    // The whole host that the vendor handed over has become the label; the end user cannot change it.
    let launched = launch(&world, &browser, &session, &integration, &json!({ "shop": "south" })).await;
    let authorization = leads_to(&launched, "https://north.shops.example/authorize");
    let query: std::collections::BTreeMap<_, _> = authorization.query_pairs().into_owned().collect();
    market.expect("the-code", Some(&query["code_challenge"]), &query["redirect_uri"]);
    let callback = format!("{}?state={}&code=0&auth_code=the-code&realm=7031", query["redirect_uri"], query["state"]);
    let done = browser.get(&callback).await;
    assert_eq!(done.screen(), "callback-connected", "{done}");
    let connection = connected(&world, &session).await;
    let connection = world.key().get(&format!("/v1/connections/{connection}")).await.ok();
    // The account is the callback's, the name the identity call's.
    assert_eq!((&connection["account"], &connection["account_name"]), (&json!("7031"), &json!("Shop of north")));
    market.end().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_11_a_code_that_arrives_is_exchanged_once_and_in_its_browser_alone() {
    let (world, market, integration) = vendor(CODE).await;
    let (arriving, other) = (browser(&world), browser(&world));
    market.expect("canary-code", None, integration["app_url"].as_str().unwrap());
    let install = arrive(&arriving, &integration, "shop=north&code=canary-code&realm=7031&state=vendor").await;
    assert!(!world.database().dump().await.contains("canary-code"), "it is kept sealed");
    let (name, _) = arriving.cookies().into_iter().next().unwrap();
    assert!(name.contains("__Host-patchbay-install-"), "{name}");

    let session = claim(&world, &install).await.ok();
    let again = claim(&world, &install).await;
    assert_eq!(again.problem(422, "invalid_fields").fields[0].field, "install", "it is claimed once");

    // Somebody else with the link connects nothing.
    let refused = launch(&world, &other, &session, &integration, &json!({})).await;
    assert_eq!(refused.screen(), "wrong-browser", "{refused}");
    assert_eq!(market.exchanges(), 0);
    assert_eq!(world.one("SELECT count(*) FROM audit WHERE action = 'connect.install_refused'").await, "1");

    let done = launch(&world, &arriving, &session, &integration, &json!({ "shop": "south" })).await;
    assert_eq!(done.screen(), "callback-connected", "{done}");
    assert!(arriving.cookies().is_empty(), "the cookie has done its work");
    let connection = connected(&world, &session).await;
    let connection = world.key().get(&format!("/v1/connections/{connection}")).await.ok();
    assert_eq!((&connection["account"], &connection["account_name"]), (&json!("7031"), &json!("Shop of north")));
    assert_eq!(market.exchanges(), 1);
    assert_eq!(world.one("SELECT state || ' ' || (kept IS NULL)::text FROM installs").await, "used true");
    let twice = launch(&world, &arriving, &session, &integration, &json!({})).await;
    assert_eq!((twice.screen().as_str(), market.exchanges()), ("session-done", 1));
    market.end().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_11_a_code_that_the_vendor_refuses_ends_in_words_and_is_not_tried_again() {
    let (world, market, integration) = vendor(CODE).await;
    let browser = browser(&world);
    let install = arrive(&browser, &integration, "shop=north&code=nobodys&realm=7031").await;
    let session = claim(&world, &install).await.ok();
    let refused = launch(&world, &browser, &session, &integration, &json!({})).await;
    assert_eq!(refused.screen(), "provider-error", "{refused}");
    let path = format!("/v1/connect/sessions/{}", session["id"].as_str().unwrap());
    let told = world.key().get(&path).await.ok();
    assert_eq!((&told["status"], &told["failure"]["code"]), (&json!("open"), &json!("provider_error")), "{told}");
    let again = launch(&world, &browser, &session, &integration, &json!({})).await;
    assert_eq!((again.screen().as_str(), market.exchanges()), ("install-over", 1));
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "0");
    market.end().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_11_a_vendor_tells_of_an_install_and_the_tenant_hears_of_it() {
    let (world, market, integration) = vendor(CODE).await;
    let sink = Sink::start().await;
    world.key().post("/v1/endpoints", &json!({ "url": sink.url() })).await.ok();
    market.expect("canary-code", None, integration["app_url"].as_str().unwrap());
    let at = integration["app_url"].as_str().unwrap();
    let body = json!({ "code": "canary-code", "shop": "north.shops.example", "realm": 7031, "store": { "id": 1 } });
    for _ in 0..2 {
        let taken = world.anonymous().post(at, &body).await;
        assert_eq!((taken.status, taken.body.len()), (202, 0), "whoever tells learns nothing: {taken}");
        assert!(taken.cookies().is_empty());
    }
    let told = sink.wait_for("connect.install_arrived", 1).await.remove(0).json()["data"].clone();
    assert_eq!(world.one("SELECT count(*) FROM installs").await, "1", "told twice is told once");
    assert_eq!((&told["integration_id"], &told["variables"]), (&integration["id"], &json!({ "shop": "north" })));
    assert_eq!(told["signed"], false);
    assert!(!told.to_string().contains("canary"), "{told}");

    let stranger = world.stranger("neighbour").await;
    let wish = json!({ "end_user": { "id": "merchant-17" }, "install": told["install_id"] });
    let theirs = stranger.key().post("/v1/connect/sessions", &wish).await;
    assert_eq!(theirs.problem(422, "invalid_fields").fields[0].field, "install");

    let session = claim(&world, told["install_id"].as_str().unwrap()).await.ok();
    let done = launch(&world, &browser(&world), &session, &integration, &json!({})).await;
    assert_eq!(done.screen(), "callback-connected", "{done}");
    connected(&world, &session).await;
    assert_eq!(market.exchanges(), 1);
    // As a form too, and with parameters in the query.
    let form = world.anonymous();
    let form = form.request(Method::POST, &format!("{at}?shop=south")).form(&[("code", "another")]);
    assert_eq!(form.send().await.status, 202);
    sink.wait_for("connect.install_arrived", 2).await;
    market.end().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_11_what_is_not_the_vendors_changes_nothing() {
    let (world, market, integration) = vendor(SIGNED).await;
    let at = integration["app_url"].as_str().unwrap();
    let now = world.clock().now().timestamp();
    let (stale, early) = (now - 301, now + 360);
    let good = signed(&format!("shop=north&timestamp={now}"));
    for query in [
        String::new(),
        format!("shop=north&timestamp={now}"),
        good.replace("north", "south"),
        format!("{good}&shop=north"),
        format!("{good}&more=1"),
        signed(&format!("shop=north&timestamp={stale}")),
        signed(&format!("shop=north&timestamp={early}")),
        signed("shop=north.shops.example.evil.example"),
        signed("shop=evil.example%2F"),
    ] {
        let answer = browser(&world).get(&format!("{at}?{query}")).await;
        assert_eq!((answer.status, answer.screen().as_str()), (200, "install-refused"), "{query}: {answer}");
    }
    let wrong = world.anonymous().post(at, &json!({ "shop": "north", "hmac": "00" })).await;
    wrong.problem(401, "unauthenticated");
    world.anonymous().post(at, &json!(["shop"])).await.problem(400, "bad_json");
    let nowhere = format!("{}/connect/install/int_00000000000000000000000000", world.origin());
    for unknown in [&nowhere, &nowhere.replace("int_", "conn_")] {
        let answer = browser(&world).get(unknown).await;
        assert_eq!((answer.status, answer.screen().as_str()), (200, "install-unknown"), "{answer}");
        world.anonymous().post(unknown, &json!({ "shop": "north" })).await.problem(404, "not_found");
    }
    // Without a page of the tenant's there is nowhere to go on to.
    let path = format!("/v1/integrations/{}", integration["id"].as_str().unwrap());
    let changed = world.key().patch(&path, &json!({ "install_url": "" })).await.ok();
    assert_eq!(changed["install_url"], Value::Null);
    let answer = browser(&world).get(&format!("{at}?{good}")).await;
    assert_eq!(answer.screen(), "misconfigured", "{answer}");
    assert_eq!(world.one("SELECT count(*) FROM installs").await, "0");
    assert_eq!(world.one("SELECT count(*) FROM events").await, "0");
    assert_eq!(world.one("SELECT count(*) > 5 FROM audit WHERE action = 'connect.install_refused'").await, "t");
    market.end().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_11_an_install_waits_an_hour() {
    let (world, market, integration) = vendor(CODE).await;
    let install = arrive(&browser(&world), &integration, "shop=north&code=c&realm=1").await;
    world.clock().advance(TimeDelta::minutes(61));
    assert_eq!(claim(&world, &install).await.problem(422, "invalid_fields").fields[0].field, "install");
    // One that was claimed in time is over with its hour too.
    let browser = browser(&world);
    let install = arrive(&browser, &integration, "shop=north&code=d&realm=1").await;
    world.clock().advance(TimeDelta::minutes(45));
    let session = claim(&world, &install).await.ok();
    world.clock().advance(TimeDelta::minutes(20));
    let late = launch(&world, &browser, &session, &integration, &json!({})).await;
    assert_eq!((late.screen().as_str(), market.exchanges()), ("install-over", 0), "{late}");
    let both = json!({ "end_user": { "id": "merchant-17" }, "install": install,
        "connection_id": "conn_00000000000000000000000000" });
    let fields = world.key().post("/v1/connect/sessions", &both).await.problem(422, "invalid_fields").fields;
    assert!(fields.iter().any(|one| one.field == "connection_id"), "{fields:?}");
    market.end().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_5_arrivals_that_nobody_vouches_for_are_limited_by_sender() {
    let (world, market, integration) = vendor(SIGNED).await;
    let at = integration["app_url"].as_str().unwrap();
    let most = world.config().limits.stray_callbacks_per_minute;
    let caller = world.anonymous();
    for _ in 0..=most {
        caller.get(&format!("{at}?shop=north&hmac=00")).await;
    }
    let refused = caller.get(&format!("{at}?shop=north&hmac=00")).await;
    refused.problem(429, "rate_limited");
    assert!(refused.retry_after().is_some());
    market.end().await;
    world.end().await;
}

/// The challenge of a verifier (RFC 7636 §4.2), for the fake beside this.
pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}
