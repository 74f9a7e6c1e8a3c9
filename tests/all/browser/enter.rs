//! A merchant types something in: a key that is refused and one that is right, a code at the provider, a search.

use http::Method;
use serde_json::{Value, json};

use super::{
    driver::{Browser, LAPTOP, PHONE, Size},
    small_provider::{KEY, SmallProvider},
};
use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_on_a_phone() {
    key(PHONE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_on_a_laptop() {
    key(LAPTOP).await;
}

/// Nothing, then a wrong key, then the right one; by keyboard alone.
async fn key(size: Size) {
    let (world, provider) = (World::start(Options::default()).await, SmallProvider::start());
    describe(&world, "lamp-desk", &provider.by_key()).await;
    integrate(&world, json!({ "provider": "lamp-desk" })).await;
    let session = open(&world, &["lamp-desk"]).await;
    let browser = Browser::open(size).await;
    browser.goto(session["link"].as_str().unwrap()).await;
    browser.screen("form").await;
    browser.reads("h1", "Connect your Lamp Desk account").await;
    assert_eq!(browser.run("return document.querySelector('[name=api_key]').type").await, "password");
    assert_eq!(browser.run("return document.querySelector('[name=api_key]').autocomplete").await, "off");
    let link = browser.run("const one = document.querySelector('.field-help a'); return [one.target, one.rel]").await;
    assert_eq!(link, json!(["_blank", "noopener noreferrer"]));
    browser.picture("enter-1-form").await;

    browser.click("button[type=submit]").await;
    browser.see("[name=api_key][aria-invalid=true]").await;
    browser.reads(".field-error", "Fill this in.").await;
    assert_eq!(browser.run("return document.activeElement.name").await, "api_key");

    browser.fill("[name=api_key]", "lamp_wrong\u{e007}").await;
    browser.reads("#refusal", "Lamp Desk did not accept this").await;
    browser.reads("#refusal", "This key opens no shop").await;
    browser.reads("#refusal", "try again").await;
    assert_eq!(browser.run("return document.activeElement.id").await, "refusal");
    assert_eq!(browser.run("return document.querySelector('[name=api_key]').value").await, "lamp_wrong");
    browser.picture("enter-2-refused").await;
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "0");

    browser.click(".reveal").await;
    assert_eq!(browser.run("return document.querySelector('[name=api_key]').type").await, "text");
    browser.fill("[name=api_key]", &format!("{KEY}\u{e007}")).await;
    browser.screen("connected").await;
    browser.reads("h1", "Harbour Tea Company is connected").await;
    browser.picture("enter-3-connected").await;
    assert_eq!(browser.windows().await.len(), 1, "a form opens no window");
    let path = format!("/v1/connect/sessions/{}", session["id"].as_str().unwrap());
    assert_eq!(world.key().get(&path).await.ok()["status"], "connected");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_on_a_phone() {
    code(PHONE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_on_a_laptop() {
    code(LAPTOP).await;
}

/// The code is shown, entered at the provider, and the page goes on by itself.
async fn code(size: Size) {
    let (world, provider) = (World::start(Options::default()).await, SmallProvider::start());
    describe(&world, "lamp-tv", &provider.by_code()).await;
    integrate(&world, json!({ "provider": "lamp-tv", "client_id": "lamplight" })).await;
    let session = open(&world, &["lamp-tv"]).await;
    let browser = Browser::open(size).await;
    browser.goto(session["link"].as_str().unwrap()).await;
    browser.screen("form").await;
    browser.picture("code-1-ask").await;
    browser.press("Get a code").await;
    browser.screen("code").await;
    browser.reads("[data-code]", "BDWP-HQPK").await;
    browser.reads(".waiting time", "14:").await;
    let link = browser.run("return document.querySelector('a.button').href").await;
    assert!(link.as_str().unwrap().ends_with("/activate?user_code=BDWP-HQPK"), "{link}");
    assert_eq!(browser.run("return document.activeElement.id").await, "heading");
    browser.picture("code-2-shown").await;
    provider.confirm();
    browser.screen("connected").await;
    browser.reads("h1", "Harbour Tea Company is connected").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searching_on_a_phone() {
    search(PHONE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searching_on_a_laptop() {
    search(LAPTOP).await;
}

/// More integrations than fit: typed, chosen by category, not found, chosen by the arrow keys.
async fn search(size: Size) {
    let (world, provider) = (World::start(Options::default()).await, SmallProvider::start());
    describe(&world, "lamp-desk", &provider.by_key()).await;
    describe(&world, "lamp-tv", &provider.by_code()).await;
    for number in 0..40 {
        let (slug, name) = (format!("desk-{number}"), format!("Desk {number}"));
        integrate(&world, json!({ "provider": "lamp-desk", "slug": slug, "display_name": name })).await;
    }
    integrate(&world, json!({ "provider": "lamp-tv", "client_id": "lamplight" })).await;
    let wish = json!({ "end_user": { "id": "merchant-21" } });
    let session = world.key().post("/v1/connect/sessions", &wish).await.ok();
    let browser = Browser::open(size).await;
    browser.goto(session["link"].as_str().unwrap()).await;
    browser.screen("pick").await;
    browser.see("#field-search").await;
    browser.picture("search-1-all").await;
    browser.fill("#field-search", "desk 3").await;
    browser.reads("[role=status]", "13 services found").await;
    browser.reads(".choices > li:first-child", "Desk 3").await;
    browser.picture("search-2-typed").await;
    browser.fill("#field-search", "nothing like it").await;
    browser.reads(".empty", "Nothing found for “nothing like it”").await;
    browser.picture("search-3-nothing").await;
    browser.press("Show all").await;
    browser.reads("[role=status]", "41 services found").await;
    assert_eq!(browser.run("return document.activeElement.id").await, "field-search");
    browser.press("Media").await;
    browser.reads("[role=status]", "1 service found").await;
    browser.fill("#field-search", "lamp\u{e015}\u{e007}").await;
    browser.screen("form").await;
    browser.reads("h1", "Connect your Lamp TV account").await;
    browser.press("Back").await;
    browser.screen("pick").await;
    world.end().await;
}

async fn describe(world: &World, slug: &str, manifest: &str) {
    let path = format!("/v1/providers/{slug}");
    world.key().request(Method::PUT, &path).json(&json!({ "manifest": manifest })).send().await.ok();
}

async fn integrate(world: &World, wish: Value) {
    world.key().post("/v1/integrations", &wish).await.ok();
}

async fn open(world: &World, integrations: &[&str]) -> Value {
    let wish = json!({ "end_user": { "id": "merchant-20" }, "integrations": integrations });
    world.key().post("/v1/connect/sessions", &wish).await.ok()
}
