//! A merchant connects an account: within the tenant's page, and by a link in one tab.

use serde_json::json;

use super::{
    driver::{Browser, CONTINUE, LAPTOP, PHONE, Size},
    host_page::HostPage,
};
use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_on_a_phone() {
    embedded(PHONE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_on_a_laptop() {
    embedded(LAPTOP).await;
}

/// Host page with the loader → frame → window at the provider → consent → connected, with the progress of the first sync.
async fn embedded(size: Size) {
    let world = World::start(Options::default()).await;
    let integration = world.oidc_integration().await;
    let host = HostPage::start(world.origin());
    let wish = json!({
        "end_user": { "id": "merchant-17", "name": "Ada Okafor" },
        "integrations": [integration["slug"]],
        "allowed_origins": [host.origin()],
    });
    let session = world.key().post("/v1/connect/sessions", &wish).await.ok();
    host.set_link(session["link"].as_str().unwrap());

    let browser = Browser::open(size).await;
    browser.goto(host.origin()).await;
    let window = browser.window().await;
    browser.click("#connect").await;
    browser.enter_frame("iframe").await;
    browser.screen("pick").await;
    browser.picture("embedded-1-pick").await;
    browser.click(CONTINUE).await;

    browser.to_other_window(&window).await;
    browser.see("#login").await;
    browser.picture("embedded-2-sign-in-at-provider").await;
    browser.fill("input[name=account]", "ada").await;
    browser.click("#login").await;
    browser.see("#allow").await;
    assert!(browser.text("main").await.contains("Read your orders"));
    browser.picture("embedded-3-consent-at-provider").await;
    browser.click("#allow").await;

    // The window closes by itself.
    browser.only_window().await;
    browser.enter_frame("iframe").await;
    browser.screen("connected").await;
    browser.see(".progress[data-done=true]").await;
    browser.reads("main", "Ada’s Lamp Shop").await;
    browser.reads("[data-records]", "290").await;
    browser.picture("embedded-4-connected").await;

    // The tenant's page heard of it, from that exact origin, and its backend knows.
    browser.out_of_frames().await;
    let session = world.key().get(&format!("/v1/connect/sessions/{}", session["id"].as_str().unwrap())).await.ok();
    assert_eq!(session["status"], "connected");
    let connection = &session["connection_id"];
    let heard = browser.run("return window.heard").await;
    assert_eq!(heard[0][0], "ready", "{heard}");
    assert_eq!(heard[1][0], "connected", "{heard}");
    assert_eq!(&heard[1][1]["connectionId"], connection, "{heard}");
    browser.enter_frame("iframe").await;
    browser.press("Done").await;
    browser.out_of_frames().await;
    until("the dialog is gone", PATIENCE, async || (!browser.has("iframe").await).then_some(())).await;
    let heard = browser.run("return window.heard.at(-1)[0]").await;
    assert_eq!(heard, "closed");
    // The provider's own pages are not ours to mend.
    let provider = Oidc::shared().await.origin();
    let errors = browser.console_errors().await.into_iter().filter(|error| !error.starts_with(provider));
    assert_eq!(errors.collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(world.records(connection.as_str().unwrap(), "orders").await.len(), 250);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_link_on_a_phone() {
    by_link(PHONE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_link_on_a_laptop() {
    by_link(LAPTOP).await;
}

/// The hosted link in a browser that blocks windows: everything in one tab, and back to the tenant with a signed result.
async fn by_link(size: Size) {
    let world = World::start(Options::default()).await;
    let integration = world.acme_integration().await;
    let host = HostPage::start(world.origin());
    let wish = json!({
        "end_user": { "id": "merchant-18" },
        "integrations": [integration["slug"]],
        "return_url": format!("{}/returned", host.origin()),
        "allowed_origins": [host.origin()],
    });
    let session = world.key().post("/v1/connect/sessions", &wish).await.ok();
    let browser = Browser::open(size).await;
    let link = session["link"].as_str().unwrap().to_owned();
    browser.goto(&link).await;
    browser.screen("pick").await;
    assert!(!browser.url().await.contains("cst_"), "the token stays in the address");
    browser.picture("link-1-pick").await;
    // No click of a person: the browser's own blocker refuses the window.
    browser.run_unasked(&format!("document.querySelector('{CONTINUE}').click()")).await;
    browser.screen("popup-blocked").await;
    browser.picture("link-2-popup-blocked").await;
    browser.press("Continue in this tab").await;
    browser.see("#allow").await;
    browser.click("input[value=shop_south]").await;
    browser.picture("link-3-consent-at-provider").await;
    browser.click("#allow").await;
    browser.screen("returned").await;
    let back: url::Url = browser.url().await.parse().unwrap();
    let result: std::collections::BTreeMap<String, String> = back.query_pairs().into_owned().collect();
    let session_id = session["id"].as_str().unwrap();
    let session = world.key().get(&format!("/v1/connect/sessions/{session_id}")).await.ok();
    assert_eq!(session["status"], "connected", "{session}");
    let connection_id = session["connection_id"].as_str().unwrap();
    assert!(result.values().any(|value| value == connection_id), "the result names the connection: {result:?}");
    let connection = world.key().get(&format!("/v1/connections/{connection_id}")).await.ok();
    assert_eq!(connection["account_name"], "Harbour Tea Company");
    // Whoever opens the link again sees what became of it.
    world.synced(connection_id).await;
    browser.goto(&link).await;
    browser.screen("connected").await;
    browser.picture("link-4-connected").await;
    world.end().await;
}
