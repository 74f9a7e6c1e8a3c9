//! Signing JWTs (RFC 7515, RFC 7518, RFC 8037) with keys as people paste them: PEM of any usual kind, line breaks lost or
//! escaped on the way.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa, signature,
    signature::{EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RsaEncoding, RsaKeyPair},
};
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE_NO_PAD},
};
use domain::{manifest::JwtAlgorithm, secret::Secret};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::failure::{Failure, Misconfigured};

/// Base64 as it is pasted: padded or not, whatever its last bits are.
const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Signs. `key` is PEM for RSA, EC and Ed25519, and the bytes themselves for HMAC. `header` holds what stands beside `alg`
/// and `typ`, or instead of the latter.
///
/// # Errors
/// [`Failure::ClientMisconfigured`] where the key is not one of that algorithm.
pub(crate) fn sign(
    algorithm: JwtAlgorithm,
    key: &[u8],
    header: Map<String, Value>,
    claims: &Value,
) -> Result<Secret, Failure> {
    let mut head = Map::new();
    head.insert("alg".into(), name(algorithm).into());
    head.insert("typ".into(), "JWT".into());
    head.extend(header);
    let mut text = URL_SAFE_NO_PAD.encode(Value::Object(head).to_string());
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut text);
    let signature = signature(algorithm, key, text.as_bytes()).ok_or_else(|| {
        Failure::ClientMisconfigured(Misconfigured::Client(format!("the key is no {} key", name(algorithm))))
    })?;
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut text);
    Ok(Secret::new(text))
}

/// Signs with a private key in PEM, by the algorithm that goes with its kind: RS256, ES256, ES384 or EdDSA.
///
/// # Errors
/// [`Failure::ClientMisconfigured`] where it is no such key.
pub(crate) fn sign_with_pem(key: &Secret, key_id: Option<&str>, claims: &Value) -> Result<Secret, Failure> {
    let kinds = [JwtAlgorithm::RS256, JwtAlgorithm::ES256, JwtAlgorithm::ES384, JwtAlgorithm::EdDSA];
    let header: Map<String, Value> = key_id.map(|id| ("kid".to_owned(), Value::from(id))).into_iter().collect();
    let signed = kinds.into_iter().find_map(|kind| sign(kind, key.expose().as_bytes(), header.clone(), claims).ok());
    signed.ok_or_else(|| {
        Failure::ClientMisconfigured(Misconfigured::Client(
            "the key is no RSA, EC or Ed25519 private key in PEM".into(),
        ))
    })
}

/// The algorithm's name (RFC 7518 §3.1, RFC 8037 §3.1).
pub(crate) const fn name(algorithm: JwtAlgorithm) -> &'static str {
    match algorithm {
        JwtAlgorithm::HS256 => "HS256",
        JwtAlgorithm::HS384 => "HS384",
        JwtAlgorithm::HS512 => "HS512",
        JwtAlgorithm::RS256 => "RS256",
        JwtAlgorithm::RS384 => "RS384",
        JwtAlgorithm::RS512 => "RS512",
        JwtAlgorithm::PS256 => "PS256",
        JwtAlgorithm::ES256 => "ES256",
        JwtAlgorithm::ES384 => "ES384",
        JwtAlgorithm::EdDSA => "EdDSA",
    }
}

fn signature(algorithm: JwtAlgorithm, key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    match algorithm {
        JwtAlgorithm::HS256 => Some(mac(hmac::HMAC_SHA256, key, message)),
        JwtAlgorithm::HS384 => Some(mac(hmac::HMAC_SHA384, key, message)),
        JwtAlgorithm::HS512 => Some(mac(hmac::HMAC_SHA512, key, message)),
        JwtAlgorithm::RS256 => with_rsa(&signature::RSA_PKCS1_SHA256, key, message),
        JwtAlgorithm::RS384 => with_rsa(&signature::RSA_PKCS1_SHA384, key, message),
        JwtAlgorithm::RS512 => with_rsa(&signature::RSA_PKCS1_SHA512, key, message),
        JwtAlgorithm::PS256 => with_rsa(&signature::RSA_PSS_SHA256, key, message),
        JwtAlgorithm::ES256 => with_ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, key, message),
        JwtAlgorithm::ES384 => with_ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, key, message),
        JwtAlgorithm::EdDSA => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&private_key(key)?.der).ok()?;
            Some(pair.sign(message).as_ref().to_vec())
        }
    }
}

fn mac(algorithm: hmac::Algorithm, key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(algorithm, key), message).as_ref().to_vec()
}

fn with_rsa(encoding: &'static dyn RsaEncoding, key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let key = private_key(key)?;
    let pair: rsa::KeyPair =
        if key.is_pkcs1 { RsaKeyPair::from_der(&key.der) } else { RsaKeyPair::from_pkcs8(&key.der) }.ok()?;
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature).ok()?;
    Some(signature)
}

fn with_ec(algorithm: &'static EcdsaSigningAlgorithm, key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let pair = EcdsaKeyPair::from_private_key_der(algorithm, &private_key(key)?.der).ok()?;
    Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec())
}

struct PrivateKey {
    der: Zeroizing<Vec<u8>>,
    /// RSA by itself (RFC 8017 A.1.2), not wrapped in PKCS #8.
    is_pkcs1: bool,
}

/// The private key in a PEM text (RFC 7468). Whatever stands before it, such as EC parameters, is passed over.
fn private_key(pem: &[u8]) -> Option<PrivateKey> {
    let text = std::str::from_utf8(pem).ok()?;
    let mut rest = text;
    loop {
        let (_, after) = rest.split_once("-----BEGIN ")?;
        let (label, after) = after.split_once("-----")?;
        let (body, after) = after.split_once("-----END ")?;
        rest = after;
        if !label.ends_with("PRIVATE KEY") {
            continue;
        }
        let unescaped = body.replace("\\n", "").replace("\\r", "");
        let body = Zeroizing::new(unescaped.split_whitespace().collect::<String>());
        let der = Zeroizing::new(TOLERANT.decode(body.as_bytes()).ok()?);
        return Some(PrivateKey { der, is_pkcs1: label == "RSA PRIVATE KEY" });
    }
}

#[cfg(test)]
#[path = "jws_tests.rs"]
mod tests;
