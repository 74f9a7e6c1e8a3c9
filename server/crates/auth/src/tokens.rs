//! The tokens of a connection, and the bytes in which they are sealed.

use chrono::{DateTime, Utc};
use domain::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

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

/// The form in which tokens are sealed. The version stands in front so that it can change.
#[derive(Serialize, Deserialize)]
struct Sealed<'a> {
    v: u8,
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

const VERSION: u8 = 1;

/// Unsealed bytes that are no tokens.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnsealError {
    /// Not what [`TokenSet::to_bytes`] writes.
    #[error("the unsealed bytes are not a token set")]
    Malformed,
    /// Written by a later version of the program.
    #[error("the token set is of version {0}, which this program does not know")]
    Version(u8),
}

impl TokenSet {
    /// The bytes to seal; they are wiped when dropped.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let sealed = Sealed {
            v: VERSION,
            access_token: self.access_token.expose().into(),
            refresh_token: self.refresh_token.as_ref().map(|t| t.expose().into()),
            token_type: self.token_type.clone(),
            expires_at: self.expires_at,
            refresh_expires_at: self.refresh_expires_at,
            scopes_granted: self.scopes_granted.clone(),
            extra: self.extra.clone(),
        };
        // Texts, numbers and maps with text keys always have a JSON form.
        Zeroizing::new(serde_json::to_vec(&sealed).unwrap_or_default())
    }

    /// Reads unsealed bytes.
    ///
    /// # Errors
    /// [`UnsealError`]; its text holds nothing of the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, UnsealError> {
        let sealed: Sealed<'_> = serde_json::from_slice(bytes).map_err(|_| UnsealError::Malformed)?;
        if sealed.v != VERSION {
            return Err(UnsealError::Version(sealed.v));
        }
        Ok(Self {
            access_token: Secret::new(sealed.access_token),
            refresh_token: sealed.refresh_token.map(Secret::new),
            token_type: sealed.token_type,
            expires_at: sealed.expires_at,
            refresh_expires_at: sealed.refresh_expires_at,
            scopes_granted: sealed.scopes_granted,
            extra: sealed.extra,
        })
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
        assert_eq!(TokenSet::from_bytes(&tokens.to_bytes()), Ok(tokens.clone()));
        assert!(!format!("{tokens:?}").contains("canary"));
        let later = String::from_utf8(tokens.to_bytes().to_vec()).unwrap().replacen("\"v\":1", "\"v\":2", 1);
        assert_eq!(TokenSet::from_bytes(later.as_bytes()), Err(UnsealError::Version(2)));
        for junk in ["", "{}", "[]", "canary"] {
            assert_eq!(TokenSet::from_bytes(junk.as_bytes()), Err(UnsealError::Malformed));
        }
    }

    #[test]
    fn c_4_what_a_refresh_does_not_speak_of_stays() {
        let old = full();
        let bare = TokenSet {
            access_token: Secret::new("new"),
            refresh_token: None,
            token_type: "Bearer".into(),
            expires_at: None,
            refresh_expires_at: None,
            scopes_granted: None,
            extra: Map::new(),
        };
        let kept = old.refreshed(bare.clone());
        assert_eq!(kept.access_token.expose(), "new");
        assert_eq!(kept.expires_at, None, "the old access token's lifetime is not the new one's");
        assert_eq!(TokenSet { access_token: old.access_token.clone(), expires_at: old.expires_at, ..kept }, old);
        let rotated = old.refreshed(TokenSet { refresh_token: Some(Secret::new("new-r")), ..bare });
        assert_eq!(rotated.refresh_token.unwrap().expose(), "new-r");
        assert_eq!(rotated.refresh_expires_at, None);
    }
}
