//! JWTs read again from the specifications' text (RFC 7515, RFC 7518, RFC 8037), with nothing of the code that made them.

use aws_lc_rs::{
    hmac,
    signature::{
        self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
    },
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use chrono::{DateTime, Utc};
use domain::manifest::{Jwt, JwtAlgorithm, KeyEncoding};
use serde_json::{Map, Value};

use super::{exchanges::INSTALLATION, script::Script};

/// Header and claims of a JWT whose signature is right.
pub fn verified(jwt: &str, algorithm: JwtAlgorithm, key: &[u8]) -> Result<(Value, Value), String> {
    let mut parts = jwt.split('.');
    let [Some(head), Some(claims), Some(signature), None] = [parts.next(), parts.next(), parts.next(), parts.next()]
    else {
        return Err("not of three parts".into());
    };
    let signed = format!("{head}.{claims}");
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|error| error.to_string())?;
    let is_right = match algorithm {
        JwtAlgorithm::HS256 => hmac_is(hmac::HMAC_SHA256, key, &signed, &signature),
        JwtAlgorithm::HS384 => hmac_is(hmac::HMAC_SHA384, key, &signed, &signature),
        JwtAlgorithm::HS512 => hmac_is(hmac::HMAC_SHA512, key, &signed, &signature),
        _ => public_is(algorithm, key, signed.as_bytes(), &signature)?,
    };
    if !is_right {
        return Err("its signature is wrong".into());
    }
    let read = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|error| error.to_string())?;
        serde_json::from_slice::<Value>(&bytes).map_err(|error| error.to_string())
    };
    let (head, claims) = (read(head)?, read(claims)?);
    if head["alg"].as_str() != Some(format!("{algorithm:?}").as_str()) {
        return Err(format!("it says {head}"));
    }
    Ok((head, claims))
}

fn hmac_is(algorithm: hmac::Algorithm, key: &[u8], message: &str, tag: &[u8]) -> bool {
    hmac::verify(&hmac::Key::new(algorithm, key), message.as_bytes(), tag).is_ok()
}

fn public_is(algorithm: JwtAlgorithm, pem: &[u8], message: &[u8], signed: &[u8]) -> Result<bool, String> {
    let der = der_of(pem)?;
    let rsa = || {
        Ok::<_, String>(RsaKeyPair::from_pkcs8(&der).map_err(|error| error.to_string())?.public_key().as_ref().to_vec())
    };
    let ec = |algorithm| {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &der).map_err(|error| error.to_string())?;
        Ok::<_, String>(pair.public_key().as_ref().to_vec())
    };
    let (by, public): (&'static dyn VerificationAlgorithm, Vec<u8>) = match algorithm {
        JwtAlgorithm::RS256 => (&signature::RSA_PKCS1_2048_8192_SHA256, rsa()?),
        JwtAlgorithm::RS384 => (&signature::RSA_PKCS1_2048_8192_SHA384, rsa()?),
        JwtAlgorithm::RS512 => (&signature::RSA_PKCS1_2048_8192_SHA512, rsa()?),
        JwtAlgorithm::PS256 => (&signature::RSA_PSS_2048_8192_SHA256, rsa()?),
        JwtAlgorithm::ES256 => (&signature::ECDSA_P256_SHA256_FIXED, ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING)?),
        JwtAlgorithm::ES384 => (&signature::ECDSA_P384_SHA384_FIXED, ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING)?),
        _ => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map_err(|error| error.to_string())?;
            (&signature::ED25519, pair.public_key().as_ref().to_vec())
        }
    };
    Ok(UnparsedPublicKey::new(by, public).verify(message, signed).is_ok())
}

pub fn der_of(pem: &[u8]) -> Result<Vec<u8>, String> {
    let text = String::from_utf8_lossy(pem);
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body.trim()).map_err(|error| format!("the key is no PEM: {error}"))
}

pub fn key_bytes(text: &str, encoding: KeyEncoding) -> Result<Vec<u8>, String> {
    match encoding {
        KeyEncoding::Text => Ok(text.as_bytes().to_vec()),
        KeyEncoding::Hex => hex::decode(text).map_err(|error| error.to_string()),
        KeyEncoding::Base64 => STANDARD_NO_PAD.decode(text.trim_end_matches('=')).map_err(|error| error.to_string()),
    }
}

/// Whether a JWT is the one that the manifest describes.
pub fn jwt(
    script: &Script,
    spec: &Jwt,
    text: &str,
    now: DateTime<Utc>,
    taken: &[(String, String)],
) -> Result<(), String> {
    let known: Vec<(&str, String)> = taken.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let mut known = known;
    known.push(("installation_id", INSTALLATION.into()));
    let key = script.text(&spec.key, &known).ok_or("there is no key")?;
    let (head, claims) = verified(text, spec.algorithm, &key_bytes(&key, spec.key_encoding)?)?;
    for (name, template) in &spec.header {
        let wanted = script.text(template, &known);
        if head.get(name).and_then(Value::as_str) != wanted.as_deref() {
            return Err(format!("header {name} is not {wanted:?}: {head}"));
        }
    }
    let mut left: Map<String, Value> = claims.as_object().cloned().ok_or("no claims")?;
    let mut take = |name: &str| left.remove(name);
    let (iat, exp) = (take("iat").and_then(|v| v.as_i64()), take("exp").and_then(|v| v.as_i64()));
    let (Some(iat), Some(exp)) = (iat, exp) else { return Err(format!("no times: {claims}")) };
    let (at, lasts) = (now.timestamp(), i64::from(spec.lifetime));
    if exp - iat != lasts || iat > at || exp <= at || at - iat > lasts {
        return Err(format!("from {iat} to {exp}, and now is {at}"));
    }
    for (name, template) in &spec.claims {
        let wanted = script.text(template, &known);
        let found = take(name);
        if found.as_ref().and_then(Value::as_str) != wanted.as_deref() {
            return Err(format!("{name} is {found:?}, not {wanted:?}"));
        }
    }
    for (name, wanted) in &spec.fixed_claims {
        let found = take(name);
        if found.as_ref() != Some(wanted) {
            return Err(format!("{name} is {found:?}, not {wanted}"));
        }
    }
    if spec.jti && take("jti").and_then(|v| v.as_str().map(str::len)).is_none_or(|length| length < 16) {
        return Err("there is no random jti".into());
    }
    if left.is_empty() { Ok(()) } else { Err(format!("it claims more: {left:?}")) }
}
