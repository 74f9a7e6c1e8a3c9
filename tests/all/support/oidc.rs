//! The authorization server that nobody here wrote: `oidc-provider` from npm, one process for all tests.

use std::sync::OnceLock;

use serde_json::json;

use super::{Anonymous, Child, node::start_node};

/// The running server.
pub struct Oidc {
    _process: Child,
    origin: String,
}

/// A client registered with it.
#[derive(Debug, Clone)]
pub struct Client {
    /// `client_id`
    pub id: String,
    /// `client_secret`
    pub secret: String,
}

impl Oidc {
    /// The one of all tests. It ends with this process.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceLock<Oidc> = OnceLock::new();
        tokio::task::spawn_blocking(|| SHARED.get_or_init(Self::start)).await.unwrap()
    }

    fn start() -> Self {
        let (process, origin) = start_node("oidc", &[]);
        Self { _process: process, origin }
    }

    /// Its origin, which is also its issuer.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Registers a client (RFC 7591), as a tenant does at a provider.
    pub async fn register(&self, name: &str, redirect_uri: &str) -> Client {
        let wish = json!({
            "client_name": name,
            "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_basic",
            // Loopback redirect URIs may be plain HTTP for native applications alone.
            "application_type": "native",
        });
        let client = Anonymous::at(&self.origin).post("/reg", &wish).await.ok();
        let text = |name: &str| client[name].as_str().unwrap().to_owned();
        Client { id: text("client_id"), secret: text("client_secret") }
    }
}
