//! XAES-256-GCM, the extended-nonce AES-256-GCM of the Community Cryptography Specification Project
//! (<https://c2sp.org/XAES-256-GCM>): a key of its own for each message, derived from the first half of a 24-byte nonce with
//! CMAC in counter mode (NIST SP 800-108r1), and AES-256-GCM under that with the second half. Two or three AES blocks more
//! than plain AES-256-GCM, and made of approved parts alone.

use aws_lc_rs::{
    aead::{AES_256_GCM, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    cipher::{AES_256, EncryptingKey, UnboundCipherKey},
    error::Unspecified,
};
use zeroize::Zeroizing;

/// Bytes of a nonce. Random ones do for 2^80 messages under one key.
pub(crate) const NONCE_LENGTH: usize = 24;
const BLOCK: usize = 16;

/// A key, ready to derive messages' keys.
pub(crate) struct Xaes {
    cipher: EncryptingKey,
    /// CMAC's subkey for whole blocks (NIST SP 800-38B §6.1).
    subkey: Zeroizing<[u8; BLOCK]>,
}

impl Xaes {
    /// # Errors
    /// The key is not 32 bytes long.
    pub(crate) fn new(key: &[u8]) -> Result<Self, Unspecified> {
        let cipher = EncryptingKey::ecb(UnboundCipherKey::new(&AES_256, key)?)?;
        let mut subkey = Zeroizing::new([0; BLOCK]);
        cipher.encrypt(subkey.as_mut_slice())?;
        let doubled = u128::from_be_bytes(*subkey) << 1;
        let carry = if u128::from_be_bytes(*subkey) >> 127 == 1 { 0x87 } else { 0 };
        *subkey = (doubled ^ carry).to_be_bytes();
        Ok(Self { cipher, subkey })
    }

    /// The key of the message with this nonce, and the nonce that it is used with.
    ///
    /// # Errors
    /// The library failed.
    pub(crate) fn message(&self, nonce: &[u8; NONCE_LENGTH]) -> Result<(LessSafeKey, Nonce), Unspecified> {
        let (first, second) = nonce.split_at(NONCE_LENGTH - NONCE_LEN);
        let mut derived = Zeroizing::new([0; 2 * BLOCK]);
        for (block, number) in derived.chunks_exact_mut(BLOCK).zip([1, 2]) {
            // The counter, `X`, zero, and the nonce's first half: one whole block of CMAC.
            let (head, tail) = block.split_at_mut(BLOCK - first.len());
            head.copy_from_slice(&[0, number, b'X', 0]);
            tail.copy_from_slice(first);
            for (byte, mask) in block.iter_mut().zip(self.subkey.iter()) {
                *byte ^= mask;
            }
        }
        self.cipher.encrypt(derived.as_mut_slice())?;
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, derived.as_slice())?);
        Ok((key, Nonce::try_assume_unique_for_key(second)?))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::aead::Aad;

    use super::*;

    /// The two examples of the specification.
    #[test]
    fn the_vectors_of_the_specification() {
        let nonce = *b"ABCDEFGHIJKLMNOPQRSTUVWX";
        for (key, bound, expected) in [
            (1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
            (3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
        ] {
            let (message, nonce) = Xaes::new(&[key; 32]).unwrap().message(&nonce).unwrap();
            let mut bytes = b"XAES-256-GCM".to_vec();
            message.seal_in_place_append_tag(nonce, Aad::from(bound), &mut bytes).unwrap();
            assert_eq!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), expected);
        }
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        assert!(Xaes::new(&[1; 16]).is_err());
    }
}
