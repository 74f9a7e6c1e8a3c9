//! Revocation at the provider (RFC 7009): the refresh token first, because with it the grant goes.

use domain::secret::Secret;
use egress::Egress;

use crate::{
    answer::Refusal, client::AuthorizationCodeClient, client::by_status, failure::Failure, path, refused,
    tokens::TokenSet,
};

/// What became of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// The provider has let go of all tokens.
    Done,
    /// The provider has no revocation endpoint.
    Unsupported,
}

impl AuthorizationCodeClient {
    /// Revokes a connection's tokens. A token that the provider no longer knows counts as revoked (RFC 7009 §2.2).
    ///
    /// # Errors
    /// See [`Failure`]; [`Failure::ProviderDown`] and [`Failure::Throttled`] are worth another try later.
    pub async fn revoke(&self, egress: &Egress, tokens: &TokenSet) -> Result<Revocation, Failure> {
        if self.revocation_url.is_none() {
            return Ok(Revocation::Unsupported);
        }
        if let Some(refresh_token) = &tokens.refresh_token {
            self.revoke_one(egress, refresh_token, "refresh_token").await?;
        }
        match self.revoke_one(egress, &tokens.access_token, "access_token").await {
            // Some providers revoke refresh tokens only; the access token then ends with them or by itself.
            Err(Failure::Refused { code, .. })
                if tokens.refresh_token.is_some() && code == "unsupported_token_type" =>
            {
                Ok(Revocation::Done)
            }
            other => other.map(|()| Revocation::Done),
        }
    }

    async fn revoke_one(&self, egress: &Egress, token: &Secret, hint: &str) -> Result<(), Failure> {
        let Some(url) = &self.revocation_url else { return Ok(()) };
        let form = vec![("token", token.expose()), ("token_type_hint", hint)];
        let response = self.post(egress, url, form).await?;
        if response.status.is_success() {
            return Ok(());
        }
        let body = serde_json::from_slice::<serde_json::Value>(&response.body).ok();
        let failure = match body.and_then(|body| path::text(&body, "error")) {
            Some(code) => {
                let refusal = Refusal { code: refused::shown(&code), description: None };
                refused::sort(response.status, response.retry_after, refusal)
            }
            None => by_status(&response, None),
        };
        match failure {
            // The grant is gone already: that is what was wanted.
            Failure::Revoked { .. } | Failure::Expired => Ok(()),
            other => Err(other),
        }
    }
}
