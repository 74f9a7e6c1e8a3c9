//! One exchange with the server.

use std::cell::RefCell;
use std::rc::Rc;

use gloo_net::http::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::RequestCache;

use crate::ApiError;

/// A fetch without a deadline hangs for minutes when a phone changes networks.
const DEADLINE_MS: u32 = 20_000;
/// The same where the server asks a provider before it answers.
const PATIENT_MS: u32 = 60_000;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = AbortSignal, js_name = timeout, catch)]
    fn abort_after(ms: u32) -> Result<JsValue, JsValue>;
}

thread_local! {
    static SIGNED_OUT: RefCell<Option<Rc<dyn Fn()>>> = const { RefCell::new(None) };
}

/// What to do when any call is answered with 401: the session ended while the page was open. One per page.
pub fn when_signed_out(then: impl Fn() + 'static) {
    SIGNED_OUT.set(Some(Rc::new(then)));
}

/// A request: not generic, so that its code is in the page once.
pub(crate) struct Call {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
    deadline_ms: u32,
}

impl Call {
    pub(crate) fn new(method: Method, path: String) -> Self {
        Self { method, path, headers: Vec::new(), body: None, deadline_ms: DEADLINE_MS }
    }

    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Waits longer: a provider is asked.
    pub(crate) fn patient(mut self) -> Self {
        self.deadline_ms = PATIENT_MS;
        self
    }

    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        // Shapes of api-types serialise; should one ever not, the server says what is missing.
        self.body = Some(serde_json::to_string(body).unwrap_or_default());
        self
    }

    /// The body of a success.
    pub(crate) async fn text(self) -> Result<String, ApiError> {
        let mut builder = RequestBuilder::new(&self.path).method(self.method).header("accept", "application/json");
        // Some refusals may be cached by default (404, 410), and the key is in a header, not in the address.
        builder = builder.cache(RequestCache::NoStore);
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        if let Ok(signal) = abort_after(self.deadline_ms) {
            builder = builder.abort_signal(Some(&signal.into()));
        }
        let request = match self.body {
            Some(body) => builder.header("content-type", "application/json").body(body),
            None => builder.build(),
        };
        let answer = request.map_err(|_| ApiError::Network)?.send().await.map_err(|_| ApiError::Network)?;
        let text = answer.text().await.map_err(|_| ApiError::Network)?;
        if answer.status() == 401
            && let Some(then) = SIGNED_OUT.with_borrow(Clone::clone)
        {
            then();
        }
        if answer.ok() { Ok(text) } else { Err(ApiError::from_answer(answer.status(), &text)) }
    }

    /// The body of a success, read.
    pub(crate) async fn read<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        let text = self.text().await?;
        serde_json::from_str(&text).map_err(|_| ApiError::Unreadable(200))
    }

    /// A success whose body does not matter.
    pub(crate) async fn done(self) -> Result<(), ApiError> {
        self.text().await.map(drop)
    }
}
