//! What the connect page asks for.

use api_types::connect::{ConnectPage, ConnectProgress};
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

    fn get(&self, path: &str) -> Call {
        Call::new(Method::GET, path.to_owned()).header("authorization", format!("Bearer {}", self.token))
    }
}
