//! The HTTP capability that answers as recorded up to a request, and with an error's status from there on.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use plugin_host::{HostHttp, HttpFault, HttpRequest, HttpResponse};

use crate::{Exchange, Mismatch, provider::Reach, stage::Source};

/// What an error's answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// What was recorded: whoever does not look at the status takes it for a success.
    Recorded,
    /// A page for people, as gateways send it: whoever reads it before the status stumbles.
    Page,
}

/// Which status, from which request on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Injection {
    /// How many requests are answered as recorded before it.
    pub(crate) after: usize,
    pub(crate) status: u16,
    pub(crate) body: Body,
}

/// What `retry-after` says, in seconds, where the status is 429 or 503.
pub(crate) const RETRY_AFTER: u64 = 7;

/// Answers as recorded, whatever is asked (a replay has compared the requests), then with the status.
#[derive(Clone)]
pub(crate) struct Injected(Arc<Mutex<State>>);

struct State {
    reach: Reach,
    exchanges: Vec<Exchange>,
    injection: Injection,
    next: usize,
    outside: Option<Mismatch>,
}

impl Injected {
    pub(crate) fn new(reach: Reach, exchanges: Vec<Exchange>, injection: Injection) -> Self {
        Self(Arc::new(Mutex::new(State { reach, exchanges, injection, next: 0, outside: None })))
    }

    /// The first host that the manifest does not list.
    pub(crate) fn outside(&self) -> Option<Mismatch> {
        self.lock().outside.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Injected {
    fn used(&self) -> usize {
        self.lock().next
    }

    fn is_over(&self) -> bool {
        self.lock().outside.is_some()
    }
}

#[async_trait]
impl HostHttp for Injected {
    async fn fetch(&mut self, request: HttpRequest) -> Result<HttpResponse, HttpFault> {
        let mut state = self.lock();
        if let Err(text) = state.reach.resolve(&request.url) {
            state.outside.get_or_insert(Mismatch(text.clone()));
            return Err(HttpFault::Denied(text));
        }
        let at = state.next;
        state.next = at.saturating_add(1);
        let last = state.exchanges.len().saturating_sub(1);
        let recorded = state.exchanges.get(at.min(last)).map(Exchange::answer);
        if at < state.injection.after {
            return recorded.unwrap_or(Err(HttpFault::Timeout));
        }
        Ok(state.injection.answer(recorded))
    }
}

impl Injection {
    fn answer(self, recorded: Option<Result<HttpResponse, HttpFault>>) -> HttpResponse {
        let mut answer = match (self.body, recorded) {
            (Body::Recorded, Some(Ok(recorded))) => recorded,
            _ => HttpResponse {
                status: self.status,
                headers: vec![("content-type".into(), "text/html".into())],
                body: format!("<html><body><h1>{}</h1></body></html>", self.status).into_bytes(),
            },
        };
        answer.status = self.status;
        answer.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("retry-after"));
        if matches!(self.status, 429 | 503) {
            answer.headers.push(("retry-after".into(), RETRY_AFTER.to_string()));
        }
        answer
    }
}
