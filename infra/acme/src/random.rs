//! Tokens that nobody can guess.

use aws_lc_rs::{digest, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// A token of 192 random bits behind a prefix that tells what it is, such as `acme_at_`.
///
/// If the operating system had no randomness the process ends: nothing this server does afterwards would be right.
pub(crate) fn token(prefix: &str) -> String {
    let mut bytes = [0u8; 24];
    if rand::fill(&mut bytes).is_err() {
        std::process::abort();
    }
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// The S256 challenge that belongs to a verifier (RFC 7636, section 4.2).
pub(crate) fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn s256_of_rfc_7636_appendix_b() {
        let challenge = super::s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
