//! To the provider and back: the window, the form that leaves, and the session's token in this tab.

use std::cell::RefCell;

use leptos::prelude::{document, window};
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::{HtmlFormElement, HtmlInputElement, Window};
use patchbay_web_connect::screen::Trip;

const WINDOW: &str = "patchbay-connect";
const SIZE: (i32, i32) = (520, 720);

thread_local! {
    static POPUP: RefCell<Option<Window>> = const { RefCell::new(None) };
}

/// The session's id from the path and its token from the fragment, which is taken out of the address and kept for
/// reloads of this tab.
pub fn session_and_token() -> (String, Option<String>) {
    let location = window().location();
    let path = location.pathname().unwrap_or_default();
    let session = path.split('/').nth(2).unwrap_or_default().to_owned();
    let key = format!("patchbay.{session}");
    let storage = window().session_storage().ok().flatten();
    let history = window().history().ok();
    let fragment = location.hash().unwrap_or_default();
    if let Some(token) = fragment.strip_prefix('#').filter(|token| token.starts_with("cst_")) {
        let kept = storage.as_ref().is_some_and(|storage| storage.set_item(&key, token).is_ok());
        // Where storage is refused, the entry in this tab's history outlives a reload as well.
        let state = if kept { JsValue::NULL } else { JsValue::from_str(token) };
        let clean = format!("{path}{}", location.search().unwrap_or_default());
        if let Some(history) = history {
            // Only ever our own address.
            let _ = history.replace_state_with_url(&state, "", Some(&clean));
        }
        return (session, Some(token.to_owned()));
    }
    let stored = storage.and_then(|storage| storage.get_item(&key).ok().flatten());
    let token = stored.or_else(|| history?.state().ok()?.as_string()).filter(|token| token.starts_with("cst_"));
    (session, token)
}

/// Opens the provider's window and sends it on its way. `false` if the browser refused. Only within a click.
pub fn open(token: &str, trip: &Trip) -> bool {
    let own = window();
    let number = |value: Result<JsValue, JsValue>| value.ok().and_then(|v| v.as_f64()).unwrap_or_default();
    let middle = |start: f64, outer: f64, size: i32| (start + ((outer - f64::from(size)) / 2.0).max(0.0)).round();
    let left = middle(number(own.screen_x()), number(own.outer_width()), SIZE.0);
    let top = middle(number(own.screen_y()), number(own.outer_height()), SIZE.1);
    let features = format!("popup,width={},height={},left={left},top={top}", SIZE.0, SIZE.1);
    let opened = own.open_with_url_and_target_and_features("", WINDOW, &features).ok().flatten();
    let Some(popup) = opened.filter(|popup| !popup.closed().unwrap_or(true)) else { return false };
    submit(token, trip, "popup", WINDOW);
    // A browser that does not let windows come to the front leaves them where they are.
    let _ = popup.focus();
    POPUP.set(Some(popup));
    true
}

/// Leaves for the provider in this tab, or in the whole tab if the page is framed.
pub fn leave(token: &str, trip: &Trip, framed: bool) {
    submit(token, trip, "redirect", if framed { "_top" } else { "_self" });
}

/// Whether there is a window, and it is gone.
pub fn is_closed() -> bool {
    POPUP.with_borrow(|popup| popup.as_ref().is_some_and(|popup| popup.closed().unwrap_or(true)))
}

/// Whether there is a window to show.
pub fn is_open() -> bool {
    POPUP.with_borrow(|popup| popup.as_ref().is_some_and(|popup| !popup.closed().unwrap_or(true)))
}

/// Brings the window to the front.
pub fn show() {
    POPUP.with_borrow(|popup| {
        if let Some(popup) = popup {
            let _ = popup.focus();
        }
    });
}

/// Closes the window.
pub fn close() {
    if let Some(popup) = POPUP.take() {
        // A window that the provider cut off from us stays open, with nothing left to do in it.
        let _ = popup.close();
    }
}

/// Forgets a window that is gone.
pub fn forget() {
    POPUP.set(None);
}

fn submit(token: &str, trip: &Trip, display: &str, target: &str) {
    let fields = serde_json::to_string(&trip.fields).unwrap_or_default();
    let id = trip.choice.to_string();
    let inputs = [("token", token), ("integration_id", &id), ("display", display), ("fields", &fields)];
    let page = document();
    let Some(form) = page.create_element("form").ok().and_then(|e| e.dyn_into::<HtmlFormElement>().ok()) else {
        return;
    };
    form.set_method("post");
    form.set_action("/connect/launch");
    form.set_target(target);
    form.set_hidden(true);
    for (name, value) in inputs {
        let Some(input) = page.create_element("input").ok().and_then(|e| e.dyn_into::<HtmlInputElement>().ok()) else {
            continue;
        };
        input.set_type("hidden");
        input.set_name(name);
        input.set_value(value);
        // The form is ours and empty; nothing can be in the way.
        let _ = form.append_child(&input);
    }
    if let Some(body) = page.body() {
        let _ = body.append_child(&form);
        let _ = form.submit();
        form.remove();
    }
}
