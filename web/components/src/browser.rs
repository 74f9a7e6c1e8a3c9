//! The few things asked of the browser directly.

use leptos::prelude::{document, window};
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::HtmlElement;

/// Unix time in milliseconds, by the visitor's clock.
#[must_use]
pub fn now_ms() -> i64 {
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "milliseconds since 1970 are far below 2^53"
    )]
    let now = js_sys::Date::now() as i64;
    now
}

/// Puts the keyboard's focus on the first element that the CSS selector names.
pub fn focus(selector: &str) {
    let found = document().query_selector(selector).ok().flatten();
    if let Some(element) = found.and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
        // An element that cannot take the focus leaves it where it was.
        let _ = element.focus();
    }
}

/// Whether the tab is in the background.
#[must_use]
pub fn hidden() -> bool {
    document().hidden()
}

/// Waits; shorter in the test of a page than it seems, browsers stretch it in background tabs.
pub async fn pause(ms: u32) {
    gloo_timers::future::TimeoutFuture::new(ms).await;
}

/// Copies to the clipboard; `false` if the browser does not let us.
pub async fn copy(text: &str) -> bool {
    let clipboard = window().navigator().clipboard();
    // Plain http other than localhost has no clipboard; the property is then undefined.
    if clipboard.is_undefined() {
        return false;
    }
    wasm_bindgen_futures::JsFuture::from(clipboard.write_text(text)).await.is_ok()
}
