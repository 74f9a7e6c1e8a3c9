//! The tenant's people make API keys that reach a part of the environment, and give one a new secret.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::driver::{Browser, LAPTOP, PHONE, Size};
use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_phone() {
    keys(PHONE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_laptop() {
    keys(LAPTOP).await;
}

async fn keys(size: Size) {
    let world = World::start(Options::default()).await;
    let integration = world.acme_integration().await;
    let (south, north) = (
        world.connect_acme(&integration, "merchant-17", "shop_south").await,
        world.connect_acme(&integration, "merchant-18", "shop_north").await,
    );
    let tags = json!({ "tags": { "team": "south" } });
    world.key().patch(&format!("/v1/connections/{south}"), &tags).await.ok();
    let (_, email) = world.member("owner").await;
    let browser = Browser::open(size).await;
    browser.goto(&format!("{}/portal/api-keys", world.origin())).await;
    browser.sign_in(&email, world.password()).await;
    browser.screen("api-keys").await;

    begin(&browser, "shop backend").await;
    browser.click("dialog[open] button[type=submit]").await;
    browser.reads("dialog[open] [role=alert]", "Choose an integration or a connection").await;
    browser.picture("keys-1-nothing-chosen").await;
    browser.click("dialog[open] [name=only-acme]").await;
    let by_integration = made(&world, &browser, "keys-2-made").await;
    assert_eq!(seen(&by_integration).await, [north.clone(), south.clone()]);
    by_integration.get("/v1/endpoints").await.problem(403, "missing_scope");

    begin(&browser, "one merchant").await;
    browser.see(&format!("dialog[open] [name=only-{north}]")).await;
    browser.fill("dialog[open] [name=key-end-user]", "merchant-17").await;
    browser.reads("dialog[open]", "Harbour Tea Company").await;
    until("the other is not offered any more", PATIENCE, async || {
        (!browser.has(&format!("dialog[open] [name=only-{north}]")).await).then_some(())
    })
    .await;
    browser.click(&format!("dialog[open] [name=only-{south}]")).await;
    browser.picture("keys-3-connection").await;
    // What was ticked stays when another is looked for.
    browser.fill("dialog[open] [name=key-end-user]", "merchant-18").await;
    browser.see(&format!("dialog[open] [name=only-{north}]")).await;
    browser.see(&format!("dialog[open] [name=only-{south}]:checked")).await;
    let by_connection = made(&world, &browser, "keys-4-made").await;
    assert_eq!(seen(&by_connection).await, std::slice::from_ref(&south));

    begin(&browser, "team south").await;
    browser.fill("dialog[open] [name=key-tags]", "team=south, team=west").await;
    let by_tag = made(&world, &browser, "keys-5-made").await;
    assert_eq!(seen(&by_tag).await, std::slice::from_ref(&south));
    for words in ["1 integration", "1 connection", "team=south or team=west"] {
        browser.reads("[data-key]", words).await;
    }
    browser.picture("keys-6-list").await;

    let row = world.one("SELECT api_key_id FROM api_keys WHERE name = 'team south'").await;
    let row = format!("[data-key='{}']", ids::ApiKeyId::from_uuid(row.parse().unwrap()));
    browser.click(&format!("{row} .actions button:first-child")).await;
    browser.choose("dialog[open] [name=overlap]", "1").await;
    browser.picture("keys-7-rotate").await;
    let rotated = made(&world, &browser, "keys-8-rotated").await;
    browser.see(&format!("{row} [data-fact=previous]")).await;
    browser.picture("keys-9-two-secrets").await;
    // The new secret reaches what the old one does, and the old one only for an hour.
    assert_eq!(seen(&rotated).await, std::slice::from_ref(&south));
    assert_eq!(seen(&by_tag).await, std::slice::from_ref(&south));
    world.clock().advance(TimeDelta::minutes(61));
    by_tag.get("/v1/connections").await.problem(401, "unauthenticated");
    assert_eq!(seen(&rotated).await, [south]);
    world.end().await;
}

/// Opens the form for a key that reaches a part.
async fn begin(browser: &Browser, name: &str) {
    browser.press("Create key").await;
    browser.fill("dialog[open] [name=key-name]", name).await;
    browser.click("dialog[open] [name=reach][value=true]").await;
    browser.see("dialog[open] [name=only-acme]").await;
}

/// Sends the form, looks at the secret, and gives whoever has it.
async fn made(world: &World, browser: &Browser, picture: &str) -> TenantKey {
    browser.click("dialog[open] button[type=submit]").await;
    let secret = browser.text("dialog[open] .copyable code").await;
    assert!(secret.starts_with("pbk_"), "{secret}");
    browser.picture(picture).await;
    browser.press("Done").await;
    until("the dialog is left", PATIENCE, async || (!browser.has("dialog[open]").await).then_some(())).await;
    TenantKey::at(world.origin(), &secret)
}

/// The connections that a key sees, the newest first.
async fn seen(key: &TenantKey) -> Vec<String> {
    let listed = key.get("/v1/connections").await.ok();
    let id = |one: &Value| one["id"].as_str().unwrap().to_owned();
    listed["data"].as_array().unwrap().iter().map(id).collect()
}
