//! The authorization server that nobody here wrote: `oidc-provider` from npm, one process for all tests.

use std::{
    process::{Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use serde_json::json;

use super::{Anonymous, Child, children::spawn, paths::root};

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
        let folder = root().join("tests/oidc");
        assert!(folder.join("node_modules").is_dir(), "oidc-provider is not installed: run `cargo dev setup`");
        let mut command = Command::new("node");
        command.arg("server.mjs").current_dir(folder);
        let mut process = spawn(command, Stdio::null()).expect("node starts");
        let origin = process.wait_for_line("READY ", Duration::from_secs(30));
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
