//! What the connect page asks for.

use api_types::connect::{ConnectCode, ConnectEntered, ConnectEntry, ConnectPage, ConnectProgress};
use gloo_net::http::Method;

use crate::ApiError;
use crate::http::Call;

/// Calls with a connect session's token.
#[derive(Clone)]
pub struct ConnectClient {
    token: String,
}

impl ConnectClient {
    /// With the token from the page's fragment.
    #[must_use]
    pub fn new(token: String) -> Self {
        Self { token }
    }

    /// The token, for the launch form.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// What the page shows.
    ///
    /// # Errors
    /// Codes `unauthenticated`, `not_found` and `session_expired` end the session; see [`ApiError::is_passing`] for the rest.
    pub async fn session(&self) -> Result<ConnectPage, ApiError> {
        self.get("/connect/api/session").read().await
    }

    /// How the attempt and the first sync go.
    ///
    /// # Errors
    /// As [`Self::session`].
    pub async fn progress(&self) -> Result<ConnectProgress, ApiError> {
        self.get("/connect/api/progress").read().await
    }

    /// Tries what was typed in, and makes the connection.
    ///
    /// # Errors
    /// `invalid_fields` with the path `fields.<name>` of each, `credential_refused` with the provider's words,
    /// `integration_misconfigured`, `provider_unreachable`; and as [`Self::session`].
    pub async fn enter(&self, entry: &ConnectEntry) -> Result<ConnectEntered, ApiError> {
        self.post("/connect/api/entry", entry).read().await
    }

    /// Asks for a code that is typed in elsewhere.
    ///
    /// # Errors
    /// As [`Self::enter`].
    pub async fn code(&self, entry: &ConnectEntry) -> Result<ConnectCode, ApiError> {
        self.post("/connect/api/code", entry).read().await
    }

    fn post(&self, path: &str, entry: &ConnectEntry) -> Call {
        self.call(Method::POST, path).patient().json(entry)
    }

    fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    fn call(&self, method: Method, path: &str) -> Call {
        Call::new(method, path.to_owned()).header("authorization", format!("Bearer {}", self.token))
    }
}
