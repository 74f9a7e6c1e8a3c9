//! What every screen holds: who is signed in, in which environment, where.

use api_types::portal::Me;
use ids::EnvironmentId;
use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::Element;
use patchbay_web_admin::route::Route;
use web_client::{ApiError, PortalClient};
use web_components::browser;

/// Under which name the chosen environment is kept for the next visit.
const KEPT: &str = "patchbay.environment";

/// Whether someone is signed in.
#[derive(Debug, Clone, PartialEq)]
pub enum Session {
    /// Not known yet.
    Asking,
    /// Nobody.
    Nobody,
    /// The server did not say.
    Failed(ApiError),
    /// Someone.
    Member(Me),
}

/// The portal's state. A handle.
#[derive(Clone, Copy)]
pub struct Portal {
    pub session: RwSignal<Session>,
    pub environment: RwSignal<Option<EnvironmentId>>,
    pub route: RwSignal<Route>,
    toast: RwSignal<Option<String>>,
}

/// What a screen is given: it is built anew when the environment changes.
#[derive(Clone, Copy)]
pub struct Scope {
    pub portal: Portal,
    pub client: PortalClient,
}

impl Portal {
    /// Reads the address, and asks who is signed in.
    pub fn start() -> Self {
        let portal = Self {
            session: RwSignal::new(Session::Asking),
            environment: RwSignal::new(None),
            route: RwSignal::new(here()),
            toast: RwSignal::new(None),
        };
        web_client::when_signed_out(move || {
            if portal.session.with_untracked(|session| matches!(session, Session::Member(_))) {
                portal.session.set(Session::Nobody);
            }
        });
        window_event_listener(leptos::ev::popstate, move |_| portal.route.set(here()));
        window_event_listener(leptos::ev::click, move |event| portal.follow(&event));
        portal.ask();
        portal
    }

    /// Asks who is signed in.
    pub fn ask(self) {
        spawn_local(async move {
            match web_client::me().await {
                Ok(me) => self.enter(me),
                Err(ApiError::Problem(problem)) if problem.status == 401 => self.session.set(Session::Nobody),
                Err(error) => self.session.set(Session::Failed(error)),
            }
        });
    }

    /// Someone is signed in.
    pub fn enter(self, me: Me) {
        let kept = storage().and_then(|storage| storage.get_item(KEPT).ok().flatten());
        let known = me.environments.iter().find(|e| kept.as_deref() == Some(e.id.to_string().as_str()));
        self.environment.set(known.or(me.environments.first()).map(|e| e.id));
        self.session.set(Session::Member(me));
    }

    /// Signs out.
    pub fn leave(self) {
        spawn_local(async move {
            match web_client::sign_out().await {
                Ok(()) => self.session.set(Session::Nobody),
                Err(error) => self.session.set(Session::Failed(error)),
            }
        });
    }

    /// Changes the environment.
    pub fn choose(self, environment: EnvironmentId) {
        if let Some(storage) = storage() {
            // Without it the first environment is chosen next time.
            let _ = storage.set_item(KEPT, &environment.to_string());
        }
        self.environment.set(Some(environment));
        // What is on the screen may not exist there.
        if matches!(self.route.get_untracked(), Route::Connection(_) | Route::Records { .. }) {
            self.go(Route::Connections);
        }
    }

    /// Goes to another place.
    pub fn go(self, route: Route) {
        if let Ok(history) = window().history() {
            // Only ever our own address.
            let _ = history.push_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&route.path()));
        }
        let moved = self.route.with_untracked(|before| before.name() != route.name());
        self.route.set(route);
        if moved {
            window().scroll_to_with_x_and_y(0.0, 0.0);
            request_animation_frame(|| browser::focus("h1"));
        }
    }

    /// Says that something was done, for some seconds.
    pub fn say(self, words: &str) {
        self.toast.set(Some(words.to_owned()));
        let said = words.to_owned();
        spawn_local(async move {
            browser::pause(5_000).await;
            if self.toast.get_untracked().as_deref() == Some(said.as_str()) {
                self.toast.set(None);
            }
        });
    }

    /// What is to be said.
    pub fn said(self) -> Option<String> {
        self.toast.get()
    }

    /// Links within the portal do not load the page anew; with a key held down they do what the browser does.
    fn follow(self, event: &MouseEvent) {
        if event.default_prevented() || event.button() != 0 || event.meta_key() || event.ctrl_key() || event.shift_key()
        {
            return;
        }
        let element = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let Some(link) = element.and_then(|e| e.closest("a[href^='/portal']").ok().flatten()) else { return };
        if link.has_attribute("target") {
            return;
        }
        let address = link.get_attribute("href").unwrap_or_default();
        let (path, query) = address.split_once('?').unwrap_or((&address, ""));
        event.prevent_default();
        self.go(Route::parse(path, query));
    }
}

fn here() -> Route {
    let location = window().location();
    Route::parse(&location.pathname().unwrap_or_default(), &location.search().unwrap_or_default())
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}
