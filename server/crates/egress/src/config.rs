//! The section `[egress]` of the configuration.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{address::AddressRange, error::SetupError};

/// Settings of all outbound HTTP. Times are in milliseconds, sizes in bytes.
///
/// At the limits: an exchange above `max_exchanges_per_host` waits up to `max_wait_ms` for one of that host to end and
/// then fails as busy; the same holds for `max_exchanges` over all hosts. Idle connections above
/// `max_idle_per_host` are closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EgressConfig {
    /// Address ranges that may be reached although they are not on the public internet, like `["10.20.0.0/16"]`.
    pub allow_ranges: Vec<AddressRange>,
    /// Whether plain http may be spoken, and then only towards addresses in `allow_ranges`.
    pub allow_http: bool,
    /// Files with PEM certificates to trust beside the system's roots.
    pub extra_roots: Vec<PathBuf>,
    /// Time for name, connection and handshake together.
    pub connect_timeout_ms: u64,
    /// Time for a whole exchange, waiting included, where a request does not say otherwise.
    pub deadline_ms: u64,
    /// Longest wait for a rate budget or a free place, where a request does not say otherwise.
    pub max_wait_ms: u64,
    /// Longest answer that is read, where a request does not say otherwise.
    pub max_response: u64,
    /// Most header fields in an answer.
    pub max_headers: usize,
    /// Most redirects followed, where a request asks for any to be followed.
    pub max_redirects: u8,
    /// Most exchanges with one host and port at the same time.
    pub max_exchanges_per_host: usize,
    /// Most exchanges at the same time, over all hosts.
    pub max_exchanges: usize,
    /// Idle connections kept per host.
    pub max_idle_per_host: usize,
    /// How long an idle connection is kept.
    pub idle_timeout_ms: u64,
    /// Longest `Retry-After` or rate-limit reset that is believed.
    pub max_gate_ms: u64,
    /// An answer that takes longer to begin counts as a failure of the provider, which is left alone when too many do.
    pub slow_ms: u64,
    /// What we call ourselves where a request does not say otherwise.
    pub user_agent: String,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            allow_ranges: Vec::new(),
            allow_http: false,
            extra_roots: Vec::new(),
            connect_timeout_ms: 5_000,
            deadline_ms: 30_000,
            max_wait_ms: 5_000,
            max_response: 8 << 20,
            max_headers: 100,
            max_redirects: 5,
            max_exchanges_per_host: 256,
            max_exchanges: 4_096,
            max_idle_per_host: 128,
            idle_timeout_ms: 60_000,
            max_gate_ms: 86_400_000,
            slow_ms: 20_000,
            user_agent: concat!("patchbay/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl EgressConfig {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// The first setting that makes no sense, by name.
    pub fn validate(&self) -> Result<(), SetupError> {
        let refuse = |field, problem: &str| Err(SetupError::Config { field, problem: problem.to_owned() });
        if self.connect_timeout_ms == 0 || self.connect_timeout_ms > self.deadline_ms {
            return refuse("connect_timeout_ms", "must be above 0 and not above deadline_ms");
        }
        if self.deadline_ms > 3_600_000 {
            return refuse("deadline_ms", "an exchange may last an hour at most");
        }
        if self.max_wait_ms > self.deadline_ms {
            return refuse("max_wait_ms", "must not be above deadline_ms");
        }
        if self.max_response == 0 || self.max_response > 1 << 32 {
            return refuse("max_response", "must be between 1 byte and 4 GiB");
        }
        if !(10..=1_000).contains(&self.max_headers) {
            return refuse("max_headers", "must be between 10 and 1000");
        }
        if self.max_redirects > 20 {
            return refuse("max_redirects", "must not be above 20");
        }
        if self.max_exchanges_per_host == 0 || self.max_exchanges < self.max_exchanges_per_host {
            return refuse("max_exchanges_per_host", "must be above 0 and not above max_exchanges");
        }
        if self.max_exchanges > 1 << 20 {
            return refuse("max_exchanges", "must not be above 1048576");
        }
        if self.slow_ms == 0 {
            return refuse("slow_ms", "must be above 0");
        }
        if self.allow_http && self.allow_ranges.is_empty() {
            return refuse(
                "allow_http",
                "has no effect without allow_ranges: name the addresses that speak plain http",
            );
        }
        if http::HeaderValue::from_str(&self.user_agent).is_err() || self.user_agent.is_empty() {
            return refuse("user_agent", "must be a non-empty text that fits into a header");
        }
        Ok(())
    }

    pub(crate) const fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    pub(crate) const fn max_wait(&self) -> Duration {
        Duration::from_millis(self.max_wait_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_closed() {
        let config = EgressConfig::default();
        config.validate().unwrap();
        assert!(!config.allow_http && config.allow_ranges.is_empty());
    }

    #[test]
    fn nonsense_is_named() {
        type Change = fn(&mut EgressConfig);
        let changes: [(Change, &str); 5] = [
            (|c| c.connect_timeout_ms = 0, "connect_timeout_ms"),
            (|c| c.max_wait_ms = 60_000, "max_wait_ms"),
            (|c| c.allow_http = true, "allow_http"),
            (|c| c.user_agent = "a\nb".into(), "user_agent"),
            (|c| c.max_exchanges = 1, "max_exchanges_per_host"),
        ];
        for (change, field) in changes {
            let mut config = EgressConfig::default();
            change(&mut config);
            let said = config.validate().unwrap_err().to_string();
            assert!(said.starts_with(&format!("egress.{field}:")), "{said}");
        }
    }
}
