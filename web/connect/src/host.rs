//! The page around this one: the tenant's, which framed it or opened it. Exact origins both ways; a page that is not
//! on the session's list hears nothing and is not heard.

use leptos::prelude::{document, window};
use leptos::wasm_bindgen::closure::Closure;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::{MessageEvent, ResizeObserver, Window};

/// How this page came onto the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// As a page of its own.
    Alone,
    /// In a frame of the tenant's page.
    Framed,
    /// In a window that the tenant's page opened.
    Window,
}

/// The tenant's page.
#[derive(Debug, Clone)]
pub struct Host {
    stage: Stage,
    session: String,
    origins: Vec<String>,
}

impl Host {
    /// Looks at where this page is. `session` is the id that messages carry.
    pub fn find(session: String) -> Self {
        let query = window().location().search().unwrap_or_default();
        let framed = query.trim_start_matches('?').split('&').any(|part| part == "embed=1") && parent().is_some();
        let stage = match (framed, opener()) {
            (true, _) => Stage::Framed,
            (false, Some(_)) => Stage::Window,
            (false, None) => Stage::Alone,
        };
        // Until the session was read, and for one that is over: the page that framed this one. That it may is known,
        // the browser has held its origin against the session's list (frame-ancestors) before it showed anything.
        let framed_by = (stage == Stage::Framed).then(referrer_origin).flatten();
        Self { stage, session, origins: framed_by.into_iter().collect() }
    }

    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Whom the session allows to hear.
    pub fn allow(&mut self, origins: Vec<String>) {
        self.origins = origins;
    }

    /// Posts `type` and one more property to the exact origins. The browser delivers to the one that is there.
    pub fn tell(&self, kind: &str, extra: Option<(&str, JsValue)>) {
        let target = match self.stage {
            Stage::Alone => return,
            Stage::Framed => parent(),
            Stage::Window => opener(),
        };
        let Some(target) = target else { return };
        let message = js_sys::Object::new();
        let base = [("source", "patchbay".into()), ("type", kind.into()), ("session", self.session.as_str().into())];
        for (name, value) in base.into_iter().chain(extra) {
            // Setting a property of a fresh object does not fail.
            let _ = js_sys::Reflect::set(&message, &name.into(), &value);
        }
        for origin in &self.origins {
            // An origin that cannot be parsed is refused; the others still hear.
            let _ = target.post_message(&message, origin);
        }
    }

    /// What a message asks of this page, if it is from someone who may ask.
    fn heard(&self, event: &MessageEvent) -> Option<Heard> {
        let data = event.data();
        let text = |name: &str| js_sys::Reflect::get(&data, &name.into()).ok().and_then(|v| v.as_string());
        if !data.is_object() || text("source").as_deref() != Some("patchbay") {
            return None;
        }
        let kind = text("type")?;
        let own = window().location().origin().is_ok_and(|origin| origin == event.origin());
        if own && kind == "callback" {
            return Some(Heard::Returned);
        }
        let from_host = self.origins.contains(&event.origin());
        (from_host && kind == "close").then_some(Heard::Close)
    }
}

/// What another page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Our own callback page: the trip to the provider is over.
    Returned,
    /// The tenant's page is about to take this one away.
    Close,
}

/// Hears messages for as long as the page lives. `host` is asked anew each time, its origins come later.
pub fn listen(host: impl Fn() -> Host + 'static, then: impl Fn(Heard) + 'static) {
    let hear = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(heard) = host().heard(&event) {
            then(heard);
        }
    });
    // Fails in no browser that runs this page.
    let _ = window().add_event_listener_with_callback("message", hear.as_ref().unchecked_ref());
    hear.forget();
}

/// Tells the height of the content, in CSS pixels, whenever it changes.
pub fn watch_height(tell: impl Fn(f64) + 'static) {
    let measure = Closure::<dyn Fn()>::new(move || {
        let height = [".panel", ".foot"]
            .into_iter()
            .filter_map(|part| document().query_selector(part).ok().flatten())
            .map(|part| part.get_bounding_client_rect().height())
            .sum::<f64>();
        tell(height.ceil());
    });
    if let Ok(observer) = ResizeObserver::new(measure.as_ref().unchecked_ref())
        && let Some(panel) = document().query_selector(".panel").ok().flatten()
    {
        observer.observe(&panel);
    }
    measure.forget();
}

/// The loader has the frame's first request name the origin that it is on, and nothing more.
fn referrer_origin() -> Option<String> {
    let referrer = document().referrer();
    let (scheme, rest) = referrer.split_once("://")?;
    let host = rest.split('/').next().filter(|host| !host.is_empty())?;
    Some(format!("{scheme}://{host}"))
}

fn parent() -> Option<Window> {
    let own = window();
    own.parent().ok().flatten().filter(|parent| *parent != own)
}

fn opener() -> Option<Window> {
    let opener = window().opener().ok()?;
    // A window of another origin is no instance of this page's `Window`, so that it cannot be checked; only what every
    // origin may call is called on it.
    (!opener.is_null() && !opener.is_undefined()).then(|| opener.unchecked_into())
}
