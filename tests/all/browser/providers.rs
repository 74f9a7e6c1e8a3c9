//! The tenant's people describe a provider on the portal, and put one to use.

use super::{
    driver::{Browser, LAPTOP, PHONE, Size},
    small_provider::SmallProvider,
};
use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_phone() {
    providers(PHONE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_laptop() {
    providers(LAPTOP).await;
}

/// A manifest with a mistake, mended, changed, restored, used, and deleted.
async fn providers(size: Size) {
    let (world, provider) = (World::start(Options::default()).await, SmallProvider::start());
    let (_, email) = world.member("owner").await;
    let browser = Browser::open(size).await;
    browser.goto(&format!("{}/portal/providers", world.origin())).await;
    browser.sign_in(&email, world.password()).await;
    browser.screen("providers").await;
    browser.see("[data-provider=acme]").await;
    browser.press("Describe a provider").await;
    browser.screen("manifest").await;
    browser.picture("providers-1-new").await;

    let manifest = provider.by_key();
    write(&browser, &manifest.replace("mode = \"key\"", "mode = \"kye\"")).await;
    browser.press("Save").await;
    let line = manifest.lines().position(|line| line == "mode = \"key\"").unwrap() + 1;
    browser.see(&format!(".editor[data-line='{line}']")).await;
    browser.reads("#manifest-fault", &format!("Line {line}: ")).await;
    browser.see(".flaw").await;
    browser.picture("providers-2-mistake").await;
    write(&browser, &manifest).await;
    browser.press("Save").await;
    browser.screen("provider").await;
    browser.reads("h1", "Lamp Desk").await;
    browser.see("[data-version='1']").await;

    browser.press("Edit manifest").await;
    browser.screen("manifest").await;
    write(&browser, &manifest.replace("name = \"Lamp Desk\"", "name = \"Lamp Desk Two\"")).await;
    browser.press("Save").await;
    browser.screen("provider").await;
    browser.reads("h1", "Lamp Desk Two").await;
    browser.picture("providers-3-described").await;
    browser.click("[data-version='1'] button").await;
    browser.see("[data-version='1'].shown").await;
    browser.press("Restore this version").await;
    browser.see("[data-version='3'].shown").await;

    browser.press("Add integration").await;
    browser.see("dialog[open] form").await;
    browser.picture("providers-4-integration").await;
    browser.click("dialog[open] button[type=submit]").await;
    browser.reads("dialog[open]", "Your users can connect their accounts now.").await;
    browser.press("Done").await;

    // In use, so it stays.
    browser.press("Delete").await;
    browser.click("dialog[open] .button.danger").await;
    browser.reads("dialog[open] [role=alert]", "1 integration uses it").await;
    browser.picture("providers-5-in-use").await;
    browser.goto(&format!("{}/portal/integrations", world.origin())).await;
    browser.see("[data-integration=lamp-desk]").await;
    browser.press("Add integration").await;
    browser.see("dialog[open] [data-provider=acme]").await;
    browser.picture("providers-6-picker").await;
    let path = "/v1/integrations/lamp-desk";
    world.key().delete(path).await.ok();
    browser.goto(&format!("{}/portal/providers/lamp-desk", world.origin())).await;
    browser.screen("provider").await;
    browser.press("Delete").await;
    browser.click("dialog[open] .button.danger").await;
    browser.screen("providers").await;
    assert!(!browser.has("[data-provider=lamp-desk]").await);
    world.end().await;
}

/// Puts a text into the editor at once.
async fn write(browser: &Browser, text: &str) {
    browser.see("#field-manifest").await;
    let text = serde_json::json!(text);
    let script = format!(
        "const area = document.querySelector('#field-manifest'); area.value = {text}; area.dispatchEvent(new Event('input', {{ bubbles: true }}))"
    );
    browser.run(&script).await;
}
