//! RSA-SHA1 (RFC 5849 §3.4.3): RSASSA-PKCS1-v1_5 with SHA-1 (RFC 8017 §8.2). Old, and all that some products know.

use domain::{entropy::Entropy, secret::Secret};
use rsa::{
    Pkcs1v15Sign, RsaPrivateKey,
    pkcs1::DecodeRsaPrivateKey as _,
    pkcs8::DecodePrivateKey as _,
    rand_core::{TryCryptoRng, TryRng},
};

use super::{Unsigned, digest};

/// The DER of `DigestInfo` in front of a SHA-1 hash (RFC 8017 §9.2, note 1).
const SHA1_INFO: [u8; 15] = [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];

/// Signs with a key in PEM, PKCS #8 or PKCS #1.
pub(super) fn sign(pem: &Secret, message: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, Unsigned> {
    let text = pem.expose().trim();
    let key = RsaPrivateKey::from_pkcs8_pem(text)
        .or_else(|_| RsaPrivateKey::from_pkcs1_pem(text))
        .map_err(|_| Unsigned("the client's key is no RSA key in PEM"))?;
    let padding = Pkcs1v15Sign { hash_len: Some(20), prefix: SHA1_INFO.into() };
    key.sign_with_rng(&mut Blinding(entropy), padding, &digest::sha1(&[message]))
        .map_err(|_| Unsigned("the client's key does not sign"))
}

/// The randomness that blinds the private operation.
struct Blinding<'a>(&'a dyn Entropy);

impl TryRng for Blinding<'_> {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes(domain::entropy::bytes(self.0)))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_le_bytes(domain::entropy::bytes(self.0)))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(buffer);
        Ok(())
    }
}

impl TryCryptoRng for Blinding<'_> {}
