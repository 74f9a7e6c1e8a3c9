//! The hashes under the signatures.

use aws_lc_rs::{digest, hmac};
use domain::manifest::HmacHash;

/// SHA-1, for schemes that fix it.
pub(super) fn sha1(parts: &[&[u8]]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    parts.iter().for_each(|part| context.update(part));
    context.finish().as_ref().to_vec()
}

/// SHA-256.
pub(super) fn sha256(data: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, data).as_ref().to_vec()
}

/// SHA-512.
pub(super) fn sha512(data: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA512, data).as_ref().to_vec()
}

/// The key of an HMAC (RFC 2104), to sign with and to compare with.
#[must_use]
pub fn hmac_key(hash: HmacHash, key: &[u8]) -> hmac::Key {
    let algorithm = match hash {
        HmacHash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        HmacHash::Sha256 => hmac::HMAC_SHA256,
        HmacHash::Sha512 => hmac::HMAC_SHA512,
    };
    hmac::Key::new(algorithm, key)
}

/// HMAC (RFC 2104).
pub(super) fn hmac(hash: HmacHash, key: &[u8], data: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac_key(hash, key), data).as_ref().to_vec()
}
