//! The HTTP capability that answers from a recording.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use plugin_host::{HostHttp, HttpFault, HttpRequest, HttpResponse};
use serde_json::Value;

use crate::{Exchange, Mismatch, RecordedFault, RecordedRequest, fixture::body_bytes, provider::Reach, stage::Source};

/// Answers in the recorded order and remembers the first thing that was not as recorded.
#[derive(Clone)]
pub(crate) struct Recorded(Arc<Mutex<State>>);

struct State {
    reach: Reach,
    exchanges: Vec<Exchange>,
    next: usize,
    wrong: Option<Mismatch>,
}

impl Recorded {
    /// Answers from `begin` on.
    pub(crate) fn new(reach: Reach, exchanges: Vec<Exchange>, begin: usize) -> Self {
        Self(Arc::new(Mutex::new(State { reach, exchanges, next: begin, wrong: None })))
    }

    /// The first thing that was not as recorded.
    pub(crate) fn wrong(&self) -> Option<Mismatch> {
        self.lock().wrong.clone()
    }

    /// What was recorded and never asked for.
    pub(crate) fn unasked(&self) -> Option<Mismatch> {
        let state = self.lock();
        let left = state.exchanges.get(state.next)?;
        Some(Mismatch(format!(
            "exchange {} was never asked for: {} {}",
            state.next.saturating_add(1),
            left.request.method,
            left.request.url
        )))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Recorded {
    fn used(&self) -> usize {
        self.lock().next
    }

    fn is_over(&self) -> bool {
        self.lock().wrong.is_some()
    }
}

#[async_trait]
impl HostHttp for Recorded {
    async fn fetch(&mut self, request: HttpRequest) -> Result<HttpResponse, HttpFault> {
        let mut state = self.lock();
        match state.answer(&request) {
            Ok(answer) => answer,
            Err(mismatch) => {
                let text = mismatch.0.clone();
                state.wrong.get_or_insert(mismatch);
                Err(HttpFault::Denied(text))
            }
        }
    }
}

impl State {
    fn answer(&mut self, request: &HttpRequest) -> Result<Result<HttpResponse, HttpFault>, Mismatch> {
        let asked = format!("{} {}", request.method, request.url);
        let url = self.reach.resolve(&request.url).map_err(Mismatch)?;
        let number = self.next.saturating_add(1);
        let Some(exchange) = self.exchanges.get(self.next) else {
            return Err(Mismatch(format!(
                "the plugin asks on after the last recorded exchange: {asked}. If the provider had said that there is no more, end the stream with `Page::done`; else record the exchange"
            )));
        };
        let recorded = self.reach.resolve(&exchange.request.url).map_err(Mismatch)?;
        if exchange.request.method != request.method || recorded != url {
            let RecordedRequest { method, url, .. } = &exchange.request;
            let text =
                format!("request {number} is not the recorded one:\n  recorded {method} {url}\n  asked    {asked}");
            return Err(Mismatch(text));
        }
        for (name, value) in &exchange.request.headers {
            let found = request.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v);
            if found != Some(value) {
                let text = format!("request {number}, {asked}: header {name} is {found:?}, recorded is {value:?}");
                return Err(Mismatch(text));
            }
        }
        if let Some(body) = &exchange.request.body {
            let found = request.body.clone().unwrap_or_default();
            let equal =
                serde_json::from_slice::<Value>(&found).is_ok_and(|found| found == *body) || found == body_bytes(body);
            if !equal {
                let found = String::from_utf8_lossy(&found).into_owned();
                let text =
                    format!("request {number}, {asked}: the body differs:\n  recorded {body}\n  sent     {found}");
                return Err(Mismatch(text));
            }
        }
        self.next = number;
        Ok(exchange.answer())
    }
}

impl Exchange {
    /// What was answered, as the host hands it to the plugin.
    pub(crate) fn answer(&self) -> Result<HttpResponse, HttpFault> {
        match (&self.response, &self.fault) {
            (Some(response), _) => Ok(HttpResponse {
                status: response.status,
                headers: response.headers.clone().into_iter().collect(),
                body: body_bytes(&response.body),
            }),
            (None, fault) => Err(match fault {
                Some(RecordedFault::Timeout) => HttpFault::Timeout,
                Some(RecordedFault::TooLarge) => HttpFault::TooLarge,
                Some(RecordedFault::Throttled(seconds)) => HttpFault::Throttled(Duration::from_secs((*seconds).into())),
                Some(RecordedFault::Unauthorized) => HttpFault::Unauthorized,
                Some(RecordedFault::Transport(why)) => HttpFault::Transport(why.clone()),
                None => HttpFault::Transport("the fixture says nothing".into()),
            }),
        }
    }
}
