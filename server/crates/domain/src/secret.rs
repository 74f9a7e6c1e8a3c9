//! Secrets that cannot be printed and are wiped when dropped.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret text: a token, a client secret, a key. `Debug` prints `[secret]`, there is no `Display` and no
/// `Serialize`, and the bytes are wiped on drop. [`Secret::expose`] is the one way to the text, easy to search for.
#[derive(Clone, Zeroize, ZeroizeOnDrop, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the call that needs it. Never put it into a log, an error or a URL.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(Self)
    }
}
