//! A key for very many rows of one thing, itself sealed as one value: when the environment's data key is replaced, the one
//! value is sealed anew, and not the rows.

use aws_lc_rs::hmac;
use domain::Scope;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    DataKey, KeyError,
    opened::Opened,
    seal::{SALT_LENGTH, open_message, seal_message},
};

const VERSION: u8 = 1;
const BINDING: &[u8] = b"patchbay/row/1";

/// Seals rows, and hashes what they hold so that equality of two hashes tells nothing to whoever lacks the key.
pub struct RowKey {
    cipher: DataKey,
    hash: hmac::Key,
    /// Tenant, environment and what the rows belong to.
    binding: Vec<u8>,
}

impl RowKey {
    /// Bytes that a key is made from.
    pub const LENGTH: usize = DataKey::LENGTH;
    /// Random bytes for each row that is sealed.
    pub const SALT: usize = SALT_LENGTH;

    /// The key of the rows of one thing, from its secret bytes. Sealing and hashing have keys of their own, derived from
    /// them with HMAC-SHA-256.
    ///
    /// # Errors
    /// [`KeyError::Corrupt`] if there are not [`RowKey::LENGTH`] of them.
    pub fn new(bytes: &[u8], scope: Scope, of: Uuid) -> Result<Self, KeyError> {
        if bytes.len() != Self::LENGTH {
            return Err(KeyError::Corrupt { what: "a row key" });
        }
        let root = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let derived = |purpose: &[u8]| Zeroizing::new(hmac::sign(&root, purpose).as_ref().to_vec());
        let mut binding = BINDING.to_vec();
        for uuid in [scope.tenant.uuid(), scope.environment.uuid(), of] {
            binding.extend_from_slice(uuid.as_bytes());
        }
        Ok(Self {
            cipher: DataKey::from_bytes(derived(b"patchbay/row/seal/1"))?,
            hash: hmac::Key::new(hmac::HMAC_SHA256, &derived(b"patchbay/row/hash/1")),
            binding,
        })
    }

    /// Seals the row of that name: it opens as that row and as no other. The salt must be fresh random bytes.
    ///
    /// # Errors
    /// The library failed.
    pub fn seal(&self, salt: &[u8; Self::SALT], name: &str, plaintext: &[u8]) -> Result<Vec<u8>, KeyError> {
        seal_message(&self.cipher, salt, &self.bound(name), &[VERSION], plaintext)
    }

    /// Opens what [`RowKey::seal`] gave for the same name.
    ///
    /// # Errors
    /// [`KeyError::Corrupt`] if it is anything else.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Opened, KeyError> {
        let parts = sealed.split_first().filter(|(version, _)| **version == VERSION);
        let parts = parts.and_then(|(_, rest)| rest.split_first_chunk::<SALT_LENGTH>());
        let (salt, body) = parts.ok_or(KeyError::Corrupt { what: "a sealed row" })?;
        open_message(&self.cipher, salt, &self.bound(name), body)
    }

    /// A keyed hash (HMAC-SHA-256) of a row's own hash.
    #[must_use]
    pub fn hash(&self, digest: &[u8]) -> [u8; 32] {
        let mut hash = [0; 32];
        let tag = hmac::sign(&self.hash, digest);
        for (to, from) in hash.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        hash
    }

    fn bound(&self, name: &str) -> Vec<u8> {
        [self.binding.as_slice(), name.as_bytes()].concat()
    }
}

impl std::fmt::Debug for RowKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[row key]")
    }
}

#[cfg(test)]
mod tests {
    use ids::{EnvironmentId, TenantId};

    use super::*;

    fn key(bytes: &[u8], tenant: u64, of: u128) -> RowKey {
        let scope = Scope { tenant: TenantId::new(tenant, [1; 10]), environment: EnvironmentId::new(2, [2; 10]) };
        RowKey::new(bytes, scope, Uuid::from_u128(of)).unwrap()
    }

    #[test]
    fn a_row_opens_as_itself_alone() {
        let own = key(&[7; 32], 1, 1);
        let sealed = own.seal(&[9; RowKey::SALT], "a", b"{}").unwrap();
        assert_eq!(&*own.open("a", &sealed).unwrap(), b"{}");
        assert!(!sealed.windows(2).any(|two| two == b"{}"));
        for (other, name) in
            [(&own, "b"), (&key(&[7; 32], 2, 1), "a"), (&key(&[7; 32], 1, 2), "a"), (&key(&[8; 32], 1, 1), "a")]
        {
            assert!(other.open(name, &sealed).is_err());
        }
        for cut in 0..sealed.len() {
            assert!(own.open("a", &sealed[..cut]).is_err());
        }
        assert!(
            RowKey::new(
                &[1; 31],
                Scope { tenant: TenantId::new(1, [1; 10]), environment: EnvironmentId::new(1, [1; 10]) },
                Uuid::nil()
            )
            .is_err()
        );
    }

    #[test]
    fn equal_rows_under_two_keys_have_two_hashes() {
        let (one, other) = (key(&[7; 32], 1, 1), key(&[8; 32], 1, 1));
        assert_eq!(one.hash(b"x"), one.hash(b"x"));
        assert_ne!(one.hash(b"x"), one.hash(b"y"));
        assert_ne!(one.hash(b"x"), other.hash(b"x"));
    }
}
