//! What a call comes with: its input, and the key by which it is known again.

use domain::content::{ContentError, ContentHasher};
use serde_json::Value;

use crate::sha256;

/// An `Idempotency-Key`: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The longest that is taken.
    pub const LONGEST: usize = 255;

    /// A key as it was sent; `None` for a text that is none.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// What is stored of the key itself.
    pub(super) fn hash(&self) -> Vec<u8> {
        sha256(self.0.as_bytes())
    }

    /// What is stored of the call that came with it. The key stands in it, so that nobody who reads the database finds an
    /// input out by trying.
    pub(super) fn digest(&self, action: &str, input: &Value) -> Result<Vec<u8>, ContentError> {
        let content = ContentHasher::default().hash(&input.to_string())?;
        let mut bytes = Vec::with_capacity(self.0.len() + action.len() + content.len() + 16);
        for text in [self.0.as_str(), action] {
            bytes.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(&content);
        Ok(sha256(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn e_7_the_same_call_is_known_again_however_it_is_written() {
        let key = Key::new("8e03978e-40d5-43dd-bc93-6894a57f9324").unwrap();
        let digest = |action: &str, input: Value| key.digest(action, &input).unwrap();
        let one = digest("refund", json!({ "order": "ord_1", "amount": 5 }));
        let text = "{ \"amount\": 5.0, \"order\": \"ord_\\u0031\" }";
        assert_eq!(digest("refund", serde_json::from_str(text).unwrap()), one);
        assert_ne!(digest("refund", json!({ "order": "ord_1", "amount": 6 })), one);
        assert_ne!(digest("refunds", json!({ "order": "ord_1", "amount": 5 })), one);
        assert_ne!(
            Key::new("other").unwrap().digest("refund", &json!({ "order": "ord_1", "amount": 5 })).unwrap(),
            one
        );
        for bad in ["", " ", "a b", "a\n", "\u{e9}", &"x".repeat(256)] {
            assert_eq!(Key::new(bad), None, "{bad:?}");
        }
    }
}
