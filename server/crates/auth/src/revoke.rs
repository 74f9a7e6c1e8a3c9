//! Revocation at the provider (RFC 7009): the refresh token first, because with it the grant goes. And the question
//! whether a token still works (RFC 7662).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    manifest::{AuthSpec, Manifest, RevocationSpec},
    secret::Secret,
};
use http::StatusCode;
use serde_json::Value;

use crate::{
    account::{Account, Outside},
    answer::{Unreadable, moment},
    client::OAuth2Client,
    endpoint::Param,
    failure::Failure,
    material::Material,
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

/// Whether a provider can be asked to let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revokes {
    /// It has a call for it.
    Yes,
    /// It has none.
    No,
    /// Each server of its kind says so itself, in its metadata.
    SomeServers,
}

impl Revokes {
    /// The same in a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::SomeServers => "some_servers",
        }
    }

    /// What a manifest says.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Self {
        if manifest.revocation.is_some() {
            return Self::Yes;
        }
        match &manifest.auth {
            AuthSpec::OAuth2Code(spec) | AuthSpec::OAuth2Device(spec) | AuthSpec::OAuth2ClientCredentials(spec)
                if spec.revocation_url.is_some() =>
            {
                Self::Yes
            }
            AuthSpec::Mcp(_) => Self::SomeServers,
            _ => Self::No,
        }
    }
}

impl Account<'_> {
    /// Lets go by the manifest's own call.
    pub(crate) async fn revoke_by_call(
        &self,
        out: Outside<'_>,
        spec: &RevocationSpec,
        material: &Material,
    ) -> Result<Revocation, Failure> {
        let mut known: Vec<(&str, &Secret)> = Vec::new();
        if let Some(tokens) = &material.tokens {
            known.push(("access_token", &tokens.access_token));
            known.extend(tokens.refresh_token.as_ref().map(|token| ("refresh_token", token)));
        }
        let of_app = self.app_secrets(out, material)?;
        known.extend(of_app.iter().map(|(name, secret)| (*name, secret)));
        let credential = if spec.with_credential { self.credential(material)? } else { None };
        let answered = self.call(out, &spec.call, &known, credential).await?;
        let status = answered.response.status;
        let is_gone = if spec.statuses.is_empty() {
            status.is_success() || status == StatusCode::NOT_FOUND
        } else {
            spec.statuses.contains(&status.as_u16())
        };
        if is_gone {
            return Ok(Revocation::Done);
        }
        let secrets: Vec<&Secret> = known.iter().map(|(_, secret)| *secret).collect();
        match answered.failure(&secrets) {
            // The grant is gone already: that is what was wanted.
            Failure::Revoked { .. } | Failure::Expired => Ok(Revocation::Done),
            other => Err(other),
        }
    }
}

/// What the provider says of a connection's token (RFC 7662 §2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introspection {
    /// Whether it works.
    pub is_active: bool,
    /// When it ends, if that is said.
    pub expires_at: Option<DateTime<Utc>>,
    /// What it is good for, if that is said.
    pub scopes: Option<Vec<String>>,
}

impl Account<'_> {
    /// Asks the provider about the connection's token (RFC 7662). `None` where it has no endpoint for that.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn introspect(&self, out: Outside<'_>, material: &Material) -> Result<Option<Introspection>, Failure> {
        let (AuthSpec::OAuth2Code(spec) | AuthSpec::OAuth2Device(spec) | AuthSpec::OAuth2ClientCredentials(spec)) =
            &self.manifest.auth
        else {
            return Ok(None);
        };
        match &material.tokens {
            Some(tokens) => self.oauth2_client(spec)?.introspect(out, &tokens.access_token).await,
            None => Ok(None),
        }
    }
}

impl OAuth2Client {
    async fn introspect(&self, out: Outside<'_>, token: &Secret) -> Result<Option<Introspection>, Failure> {
        let Some(url) = &self.introspection_url else { return Ok(None) };
        let params = [Param::secret("token", token), Param::open("token_type_hint", "access_token")];
        let posted = self.post(out, url, &params, &BTreeMap::new(), None).await?;
        if !posted.response.status.is_success() {
            return Err(posted.failure());
        }
        let body = posted.masked_json().ok_or(Unreadable::Malformed)?;
        let is_active = body.get("active").and_then(Value::as_bool).ok_or(Unreadable::Malformed)?;
        let scopes = body.get("scope").and_then(Value::as_str);
        Ok(Some(Introspection {
            is_active,
            expires_at: moment(body.get("exp")).end(),
            scopes: scopes.map(|text| text.split_whitespace().map(Into::into).collect()),
        }))
    }

    /// Revokes a connection's tokens. A token that the provider no longer knows counts as revoked (RFC 7009 §2.2).
    ///
    /// # Errors
    /// See [`Failure`]; [`Failure::ProviderDown`] and [`Failure::Throttled`] are worth another try later.
    pub async fn revoke(&self, out: Outside<'_>, tokens: &TokenSet) -> Result<Revocation, Failure> {
        if self.revocation_url.is_none() {
            return Ok(Revocation::Unsupported);
        }
        if let Some(refresh_token) = &tokens.refresh_token {
            self.revoke_one(out, refresh_token, "refresh_token").await?;
        }
        match self.revoke_one(out, &tokens.access_token, "access_token").await {
            // Some providers revoke refresh tokens only; the access token then ends with them or by itself.
            Err(Failure::Refused { code, .. })
                if tokens.refresh_token.is_some() && code == "unsupported_token_type" =>
            {
                Ok(Revocation::Done)
            }
            other => other.map(|()| Revocation::Done),
        }
    }

    async fn revoke_one(&self, out: Outside<'_>, token: &Secret, hint: &str) -> Result<(), Failure> {
        let Some(url) = &self.revocation_url else { return Ok(()) };
        let params = [Param::secret("token", token), Param::open("token_type_hint", hint)];
        let posted = self.post(out, url, &params, &BTreeMap::new(), None).await?;
        if posted.response.status.is_success() {
            return Ok(());
        }
        match posted.failure() {
            // The grant is gone already: that is what was wanted.
            Failure::Revoked { .. } | Failure::Expired => Ok(()),
            other => Err(other),
        }
    }
}
