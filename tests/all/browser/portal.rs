//! The tenant's people on the portal.

use serde_json::json;

use super::driver::{Browser, LAPTOP, PHONE, Size};
use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_phone() {
    portal(PHONE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_laptop() {
    portal(LAPTOP).await;
}

async fn portal(size: Size) {
    let world = World::start(Options::default()).await;
    let sink = Sink::start().await;
    world.key().post("/v1/endpoints", &json!({ "url": sink.url() })).await.ok();
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_south").await;
    world.synced(&connection).await;
    sink.wait_for("sync.succeeded", 2).await;
    let (_, email) = world.member("owner").await;

    let browser = Browser::open(size).await;
    browser.goto(&format!("{}/portal", world.origin())).await;
    browser.screen("sign-in").await;
    browser.picture("portal-0-sign-in").await;
    browser.fill("[name=email]", &email).await;
    browser.fill("[name=password]", "not the password").await;
    browser.click("button[type=submit]").await;
    browser.see("[role=alert]").await;
    // After a wrong password the next try has to wait a little.
    world.clock().advance(chrono::TimeDelta::seconds(10));
    browser.fill("[name=password]", world.password()).await;
    browser.click("button[type=submit]").await;
    browser.screen("overview").await;
    browser.picture("portal-1-overview").await;

    for (place, expected) in [
        ("integrations", "Acme"),
        ("connections", "Harbour Tea Company"),
        ("deliveries", "connection.created"),
        ("endpoints", sink.url()),
        ("api-keys", "backend"),
    ] {
        browser.goto(&format!("{}/portal/{place}", world.origin())).await;
        browser.screen(place).await;
        browser.reads("main", expected).await;
        browser.picture(&format!("portal-2-{place}")).await;
    }

    browser.goto(&format!("{}/portal/connections/{connection}", world.origin())).await;
    browser.screen("connection").await;
    browser.reads("main", "Harbour Tea Company").await;
    browser.reads("main", "customers").await;
    browser.picture("portal-3-connection").await;

    browser.goto(&format!("{}/portal/records?connection={connection}&stream=orders", world.origin())).await;
    browser.screen("records").await;
    browser.reads("main", "ord_000001").await;
    browser.picture("portal-4-records").await;
    world.end().await;
}
