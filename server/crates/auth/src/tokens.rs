//! The tokens of a connection, and the bytes in which they are sealed.

use chrono::{DateTime, Utc};
use domain::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What the token endpoint gave. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSet {
    /// The access token (RFC 6749 §1.4).
    pub access_token: Secret,
    /// The refresh token, if there is one.
    pub refresh_token: Option<Secret>,
    /// `Bearer` in almost all cases; as the provider wrote it.
    pub token_type: String,
    /// When the access token ends, as far as the provider said.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the refresh token ends, as far as the provider said.
    pub refresh_expires_at: Option<DateTime<Utc>>,
    /// The scopes granted, as far as the provider said; what was asked may be more or less.
    pub scopes_granted: Option<Vec<String>>,
    /// All else in the answer, other secrets included (such as an `id_token`).
    pub extra: Map<String, Value>,
}

impl std::fmt::Debug for TokenSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenSet")
            .field("access_token", &self.access_token)
            .field("refresh_token", &self.refresh_token)
            .field("expires_at", &self.expires_at)
            .field("scopes_granted", &self.scopes_granted)
            .finish_non_exhaustive()
    }
}

/// Under which name the secret of an OAuth 1 token is kept, as RFC 5849 §2.3 has it.
pub(crate) const TOKEN_SECRET: &str = "oauth_token_secret";

/// The form in which tokens are sealed.
#[derive(Serialize, Deserialize)]
pub(crate) struct SealedTokens<'a> {
    #[serde(borrow)]
    access_token: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    refresh_token: Option<std::borrow::Cow<'a, str>>,
    token_type: String,
    expires_at: Option<DateTime<Utc>>,
    refresh_expires_at: Option<DateTime<Utc>>,
    scopes_granted: Option<Vec<String>>,
    extra: Map<String, Value>,
}

/// Unsealed bytes that are no material.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnsealError {
    /// Not what [`crate::Material::to_bytes`] writes.
    #[error("the unsealed bytes are no credential")]
    Malformed,
    /// Written by a later version of the program.
    #[error("the credential is of version {0}, which this program does not know")]
    Version(u8),
}

impl<'a> From<&'a TokenSet> for SealedTokens<'a> {
    fn from(tokens: &'a TokenSet) -> Self {
        Self {
            access_token: tokens.access_token.expose().into(),
            refresh_token: tokens.refresh_token.as_ref().map(|t| t.expose().into()),
            token_type: tokens.token_type.clone(),
            expires_at: tokens.expires_at,
            refresh_expires_at: tokens.refresh_expires_at,
            scopes_granted: tokens.scopes_granted.clone(),
            extra: tokens.extra.clone(),
        }
    }
}

impl From<SealedTokens<'_>> for TokenSet {
    fn from(sealed: SealedTokens<'_>) -> Self {
        Self {
            access_token: Secret::new(sealed.access_token),
            refresh_token: sealed.refresh_token.map(Secret::new),
            token_type: sealed.token_type,
            expires_at: sealed.expires_at,
            refresh_expires_at: sealed.refresh_expires_at,
            scopes_granted: sealed.scopes_granted,
            extra: sealed.extra,
        }
    }
}

impl TokenSet {
    /// A token alone, of which nothing more is known.
    #[must_use]
    pub fn bare(access_token: Secret) -> Self {
        Self {
            access_token,
            refresh_token: None,
            token_type: "Bearer".into(),
            expires_at: None,
            refresh_expires_at: None,
            scopes_granted: None,
            extra: Map::new(),
        }
    }

    /// These tokens with the secret that goes with them (RFC 5849 §2.3).
    #[must_use]
    pub fn with_token_secret(mut self, secret: &Secret) -> Self {
        self.extra.insert(TOKEN_SECRET.to_owned(), secret.expose().into());
        self
    }

    /// These tokens after a refresh (RFC 6749 §6): what the answer does not speak of stays as it was, the refresh token
    /// above all.
    #[must_use]
    pub fn refreshed(&self, answer: Self) -> Self {
        let has_new = answer.refresh_token.is_some();
        let mut extra = self.extra.clone();
        extra.extend(answer.extra);
        Self {
            access_token: answer.access_token,
            refresh_token: answer.refresh_token.or_else(|| self.refresh_token.clone()),
            token_type: answer.token_type,
            expires_at: answer.expires_at,
            // The old lifetime says nothing about a new refresh token.
            refresh_expires_at: if has_new {
                answer.refresh_expires_at
            } else {
                answer.refresh_expires_at.or(self.refresh_expires_at)
            },
            scopes_granted: answer.scopes_granted.or_else(|| self.scopes_granted.clone()),
            extra,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::material::Material;

    fn full() -> TokenSet {
        TokenSet {
            access_token: Secret::new("canary-a\"1"),
            refresh_token: Some(Secret::new("canary-r")),
            token_type: "Bearer".into(),
            expires_at: DateTime::from_timestamp_secs(1_800_000_000),
            refresh_expires_at: DateTime::from_timestamp_secs(1_900_000_000),
            scopes_granted: Some(vec!["read".into()]),
            extra: [("id_token".to_owned(), Value::from("canary-i"))].into_iter().collect(),
        }
    }

    #[test]
    fn d_6_bytes_there_and_back_and_nothing_in_debug() {
        let tokens = full();
        let fields = [("api_key".to_owned(), Secret::new("canary-k"))].into();
        let material = Material { fields, tokens: Some(tokens) };
        assert_eq!(Material::from_bytes(&material.to_bytes()), Ok(material.clone()));
        assert!(!format!("{material:?}").contains("canary"));
        let later = String::from_utf8(material.to_bytes().to_vec()).unwrap().replacen("\"v\":1", "\"v\":2", 1);
        assert_eq!(Material::from_bytes(later.as_bytes()), Err(UnsealError::Version(2)));
        for junk in ["", "{}", "[]", "canary"] {
            assert_eq!(Material::from_bytes(junk.as_bytes()), Err(UnsealError::Malformed));
        }
    }

    #[test]
    fn c_4_what_a_refresh_does_not_speak_of_stays() {
        let old = full();
        let bare = TokenSet::bare(Secret::new("new"));
        let kept = old.refreshed(bare.clone());
        assert_eq!(kept.access_token.expose(), "new");
        assert_eq!(kept.expires_at, None, "the old access token's lifetime is not the new one's");
        assert_eq!(TokenSet { access_token: old.access_token.clone(), expires_at: old.expires_at, ..kept }, old);
        let rotated = old.refreshed(TokenSet { refresh_token: Some(Secret::new("new-r")), ..bare });
        assert_eq!(rotated.refresh_token.unwrap().expose(), "new-r");
        assert_eq!(rotated.refresh_expires_at, None);
    }
}
