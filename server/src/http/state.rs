//! What every handler shares.

use std::{sync::Arc, time::Duration};

use actix_web::http::Method;
use flows::Services;
use metrics_exporter_prometheus::PrometheusHandle;

use super::{principal::KeyCache, rate_limit::Limiter};

/// Made once at start.
pub struct AppState {
    /// What flows are handed.
    pub services: Services,
    /// Keys seen lately.
    pub keys: Arc<KeyCache>,
    /// Buckets per caller.
    pub limiter: Limiter,
    /// SHA-256 of the operator's token; without one the operator API is closed.
    pub operator_token_hash: Option<Vec<u8>>,
    /// Counters and their text form.
    pub meters: Meters,
}

/// Counters and their text form.
pub struct Meters {
    /// Renders the Prometheus text form.
    pub handle: PrometheusHandle,
}

impl Meters {
    /// Counts a request.
    pub(super) fn request(&self, method: &Method, route: &str, status: u16, elapsed: Duration) {
        let class = match status {
            0..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        };
        let labels =
            [("method", method.as_str().to_owned()), ("route", route.to_owned()), ("status", class.to_owned())];
        metrics::counter!("patchbay_http_requests_total", &labels).increment(1);
        metrics::histogram!("patchbay_http_request_seconds", "route" => route.to_owned()).record(elapsed.as_secs_f64());
    }
}
