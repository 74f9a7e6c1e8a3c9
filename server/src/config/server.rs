//! `[server]`

use std::net::SocketAddr;

use serde::Deserialize;
use url::Url;

use super::{ConfigError, refuse};

/// Where the server listens and how it is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Where to listen.
    pub bind: SocketAddr,
    /// Where browsers and providers reach this server: an origin.
    pub public_url: Url,
    /// Threads that answer requests; 0 for one per core.
    pub threads: usize,
    /// Seconds that requests and jobs may take to finish when told to stop.
    pub drain_seconds: u64,
}

impl Server {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let url = &self.public_url;
        if url.path() != "/" || url.query().is_some() || !matches!(url.scheme(), "http" | "https") {
            return refuse(
                "server.public_url",
                format!("`{url}` is no origin; write scheme, host and port alone, such as https://connect.example.com"),
            );
        }
        let local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if url.scheme() == "http" && !local {
            return refuse(
                "server.public_url",
                "must be https, except on this machine: browsers refuse our cookies otherwise",
            );
        }
        Ok(())
    }
}
