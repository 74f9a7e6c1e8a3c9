//! What may go wrong has a screen of its own, and the tenant's page hears its code.

use acme::{Fault, Misbehaviour};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{
    driver::{Browser, CONTINUE, LAPTOP, PHONE, Size},
    host_page::HostPage,
};
use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_phone() {
    all_troubles(PHONE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_laptop() {
    all_troubles(LAPTOP).await;
}

/// Window closed, consent refused, provider failing, in one session after the other; then it works after all. Replayed
/// state and expired session at the end.
async fn all_troubles(size: Size) {
    let world = World::start(Options::default()).await;
    let integration = world.acme_integration().await;
    let host = HostPage::start(world.origin());
    let session = open(&world, &host).await;
    host.set_link(session["link"].as_str().unwrap());
    let browser = Browser::open(size).await;
    browser.goto(host.origin()).await;
    let window = browser.window().await;
    browser.click("#connect").await;
    browser.enter_frame("iframe").await;

    // The window is closed before the end.
    browser.click(CONTINUE).await;
    browser.to_other_window(&window).await;
    browser.see("#allow").await;
    browser.close_window().await;
    browser.to_window(&window).await;
    browser.enter_frame("iframe").await;
    browser.screen("window-closed").await;
    browser.picture("trouble-window-closed").await;

    // The end user says no.
    browser.press("Try again").await;
    browser.to_other_window(&window).await;
    browser.click("#deny").await;
    browser.only_window().await;
    browser.enter_frame("iframe").await;
    browser.screen("consent-denied").await;
    browser.picture("trouble-consent-denied").await;

    // The provider fails when the code is exchanged.
    let fault = Fault::Status { status: 500, retry_after: None, body: None };
    world.acme().misbehave(Misbehaviour { path: "/token".into(), skip: 0, times: 5, fault });
    browser.press("Try again").await;
    browser.to_other_window(&window).await;
    browser.click("#allow").await;
    browser.only_window().await;
    browser.enter_frame("iframe").await;
    browser.see("[data-screen=provider-error], [data-screen=provider-unreachable]").await;
    browser.picture("trouble-provider-error").await;
    world.acme().control(acme::Command::Reset).unwrap();

    // And it works after all.
    browser.press("Try again").await;
    browser.to_other_window(&window).await;
    browser.click("#allow").await;
    browser.only_window().await;
    browser.enter_frame("iframe").await;
    browser.screen("connected").await;
    browser.out_of_frames().await;
    let heard = browser.run("return window.heard").await;
    let heard: Vec<(String, Value)> = serde_json::from_value(heard).unwrap();
    let codes: Vec<_> =
        heard.iter().filter(|(name, _)| name == "failed").map(|(_, value)| value["code"].clone()).collect();
    assert_eq!(codes[..2], [json!("window-closed"), json!("consent-denied")], "{heard:?}");
    assert_eq!(codes.len(), 3, "{heard:?}");
    assert_eq!(heard.last().unwrap().0, "connected", "{heard:?}");

    replayed(&world, &integration, &browser).await;
    expired(&world, &host, &browser).await;
    world.end().await;
}

/// The same callback twice in the browser that began it.
async fn replayed(world: &World, integration: &Value, browser: &Browser) {
    let wish = json!({ "end_user": { "id": "merchant-19" }, "integrations": [integration["slug"]] });
    let session = world.key().post("/v1/connect/sessions", &wish).await.ok();
    browser.goto(session["link"].as_str().unwrap()).await;
    browser.screen("pick").await;
    browser.run_unasked(&format!("document.querySelector('{CONTINUE}').click()")).await;
    browser.screen("popup-blocked").await;
    browser.press("Continue in this tab").await;
    browser.see("#allow").await;
    // The consent is answered elsewhere, so that the callback's address is in our hands.
    let transaction = browser.run("return document.querySelector('[name=transaction]').value").await;
    let callback = Consent::default()
        .answer_acme(world.acme().origin(), transaction.as_str().unwrap(), "shop_north", "allow")
        .await;
    browser.goto(callback.as_str()).await;
    browser.screen("connected").await;
    let before = world.one("SELECT count(*) FROM connections").await;
    browser.goto(callback.as_str()).await;
    browser.screen("state-replayed").await;
    browser.picture("trouble-state-replayed").await;
    assert_eq!(world.one("SELECT count(*) FROM connections").await, before);
}

/// The link after its half hour.
async fn expired(world: &World, host: &HostPage, browser: &Browser) {
    let session = open(world, host).await;
    world.clock().advance(TimeDelta::minutes(31));
    browser.goto(session["link"].as_str().unwrap()).await;
    browser.screen("session-expired").await;
    browser.picture("trouble-session-expired").await;
}

async fn open(world: &World, host: &HostPage) -> Value {
    let wish = json!({ "end_user": { "id": "merchant-17", "name": "Ada Okafor" }, "allowed_origins": [host.origin()] });
    world.key().post("/v1/connect/sessions", &wish).await.ok()
}
