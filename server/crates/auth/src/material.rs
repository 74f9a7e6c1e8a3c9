//! What is sealed for a connection: what was typed in, and what the provider gave for it.

use domain::secret::Secret;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    account::Secrets,
    tokens::{SealedTokens, TokenSet, UnsealError},
};

/// A connection's secrets. `Debug` shows none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Material {
    /// The connection's secret variables by name, as typed in or imported.
    pub fields: Secrets,
    /// What the provider gave, where there is an exchange.
    pub tokens: Option<TokenSet>,
}

/// The form in which it is sealed. The version stands in front so that it can change.
#[derive(Serialize, Deserialize)]
struct Sealed<'a> {
    v: u8,
    #[serde(borrow)]
    fields: std::collections::BTreeMap<std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    tokens: Option<SealedTokens<'a>>,
}

const VERSION: u8 = 1;

impl Material {
    /// Tokens alone.
    #[must_use]
    pub fn of(tokens: TokenSet) -> Self {
        Self { fields: Secrets::new(), tokens: Some(tokens) }
    }

    /// The bytes to seal; they are wiped when dropped.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let sealed = Sealed {
            v: VERSION,
            fields: self.fields.iter().map(|(name, value)| (name.as_str().into(), value.expose().into())).collect(),
            tokens: self.tokens.as_ref().map(SealedTokens::from),
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
        let fields = sealed.fields.into_iter().map(|(name, value)| (name.into_owned(), Secret::new(value))).collect();
        Ok(Self { fields, tokens: sealed.tokens.map(Into::into) })
    }
}
