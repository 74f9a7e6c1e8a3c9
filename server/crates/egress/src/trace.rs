//! One log line per exchange: host, method, status, bytes, elapsed, outcome. No path, no query, no header.

use http::{Method, StatusCode};
use tokio::time::Instant;

/// Writes its line when it is dropped, so that every end of an exchange is seen, abandonment included.
#[derive(Debug)]
pub(crate) struct Trace {
    host: String,
    method: Method,
    started: Instant,
    status: Option<StatusCode>,
    bytes: u64,
    outcome: &'static str,
}

impl Trace {
    pub(crate) const fn new(host: String, method: Method, started: Instant) -> Self {
        Self { host, method, started, status: None, bytes: 0, outcome: "abandoned" }
    }

    pub(crate) const fn status(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    pub(crate) const fn end(&mut self, outcome: &'static str, bytes: u64) {
        self.outcome = outcome;
        self.bytes = bytes;
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        tracing::info!(
            target: "patchbay::egress",
            host = %self.host,
            method = %self.method,
            status = self.status.map(|s| s.as_u16()),
            bytes = self.bytes,
            elapsed_ms = self.started.elapsed().as_secs_f64() * 1_000.0,
            outcome = self.outcome,
            "outbound exchange"
        );
    }
}
