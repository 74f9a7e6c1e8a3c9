//! What every handler shares.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix_web::{
    HttpRequest,
    http::{Method, StatusCode},
};
use flows::Services;
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::PrometheusHandle;

use super::{principal::KeyCache, rate_limit::Limiter, senders::Senders};

/// Made once at start.
pub struct AppState {
    /// What flows are handed.
    pub services: Services,
    /// Keys seen lately.
    pub keys: Arc<KeyCache>,
    /// Buckets per caller.
    pub limiter: Limiter,
    /// Buckets per sender.
    pub senders: Senders,
    /// SHA-256 of the operator's token; without one the operator API is closed.
    pub operator_token_hash: Option<Vec<u8>>,
    /// Counters and their text form.
    pub meters: Meters,
}

impl AppState {
    /// Writes down which API keys were used lately and when: each minute, and once more when nobody is served any more.
    pub async fn write_key_uses(&self) {
        if let Err(error) = self.keys.write_uses(&self.services).await {
            tracing::warn!(%error, "when API keys were last used is not written down yet");
        }
    }
}

/// Counters and their text form.
pub struct Meters {
    /// Renders the Prometheus text form.
    pub handle: PrometheusHandle,
    /// For what is asked for where nothing is.
    unmatched: RouteMeters,
}

impl Meters {
    /// Over an installed recorder.
    #[must_use]
    pub fn new(handle: PrometheusHandle) -> Self {
        Self { handle, unmatched: RouteMeters::new("unmatched") }
    }

    /// The meters of the route that a request was answered by.
    pub(super) fn of<'a>(&'a self, request: &'a HttpRequest) -> &'a RouteMeters {
        request.app_data::<RouteMeters>().unwrap_or(&self.unmatched)
    }
}

/// The methods that are counted by name; a made-up one must not make a counter of its own.
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "OTHER"];
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// The counters of one route, looked up in the recorder once.
pub(super) struct RouteMeters {
    /// The route's pattern.
    pub(super) pattern: &'static str,
    seconds: OnceLock<Histogram>,
    requests: [[OnceLock<Counter>; CLASSES.len()]; METHODS.len()],
}

impl RouteMeters {
    pub(super) fn new(pattern: &'static str) -> Self {
        Self { pattern, seconds: OnceLock::new(), requests: Default::default() }
    }

    /// Counts a request.
    pub(super) fn count(&self, method: &Method, status: StatusCode, elapsed: Duration) {
        let route = self.pattern;
        let histogram = || metrics::histogram!("patchbay_http_request_seconds", "route" => route);
        self.seconds.get_or_init(histogram).record(elapsed.as_secs_f64());
        let method = METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1);
        let class = usize::from(status.as_u16() / 100).saturating_sub(2).min(CLASSES.len() - 1);
        let slot = self.requests.get(method).and_then(|classes| classes.get(class));
        let names = METHODS.get(method).zip(CLASSES.get(class));
        if let (Some(slot), Some((method, class))) = (slot, names) {
            let counter = || metrics::counter!("patchbay_http_requests_total", "method" => *method, "route" => route, "status" => *class);
            slot.get_or_init(counter).increment(1);
        }
    }
}
