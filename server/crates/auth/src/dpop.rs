//! Proof of possession (DPoP, RFC 9449): tokens bound to a key that the connection keeps, shown with every request.

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use domain::{
    entropy::{self, Entropy},
    secret::Secret,
};
use egress::{
    Response,
    sign::{Moment, NeedsBody, Outgoing, Sign, Unsigned},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::WWW_AUTHENTICATE};
use serde_json::{Value, json};
use url::{Position, Url};
use zeroize::Zeroizing;

use crate::{
    account::Outside,
    client::random_text,
    failure::{Failure, Misconfigured},
    path,
    tokens::TokenSet,
};

/// Where the key lies beside the tokens that are bound to it.
const KEPT_AS: &str = "patchbay_dpop_key";
/// An EC private key (RFC 5915 §3) on P-256, around its 32 bytes; the public half is computed from them.
const BEFORE: [u8; 7] = [0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20];
const BEHIND: [u8; 12] = [0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// The error by which a server asks for its nonce.
const WANTS_NONCE: &str = "use_dpop_nonce";
/// No honest nonce is longer, in bytes.
const LONGEST_NONCE: usize = 1_024;
/// Of 2^32 numbers of 32 bytes at most one is no key.
const TRIES: u32 = 8;

/// A connection's key, on P-256.
pub(crate) struct Key {
    pair: EcdsaKeyPair,
    /// The private number, in base64url.
    text: Secret,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("thumbprint", &self.thumbprint()).finish_non_exhaustive()
    }
}

/// What a proof is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claims<'a> {
    /// The request's method.
    pub(crate) method: &'a str,
    /// Its URL; query and fragment are left out of the proof.
    pub(crate) url: &'a Url,
    /// The access token that goes with it.
    pub(crate) token: Option<&'a Secret>,
    /// What the server wants to see in it.
    pub(crate) nonce: Option<&'a str>,
}

impl Key {
    /// A new one.
    pub(crate) fn generate(entropy: &dyn Entropy) -> Result<Self, Failure> {
        let unusable = || Failure::ClientMisconfigured(Misconfigured::Request("no key could be made".into()));
        (0..TRIES).find_map(|_| Self::from_text(&random_text(entropy))).ok_or_else(unusable)
    }

    /// The one that [`Key::to_text`] wrote.
    pub(crate) fn from_text(text: &Secret) -> Option<Self> {
        let number = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.expose()).ok()?);
        if number.len() != 32 {
            return None;
        }
        let der = Zeroizing::new([&BEFORE[..], number.as_slice(), &BEHIND[..]].concat());
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).ok()?;
        Some(Self { pair, text: text.clone() })
    }

    /// The text to seal.
    pub(crate) fn to_text(&self) -> Secret {
        self.text.clone()
    }

    /// The one that these tokens are bound to.
    pub(crate) fn of(tokens: &TokenSet) -> Option<Self> {
        tokens.extra.get(KEPT_AS).and_then(Value::as_str).and_then(|text| Self::from_text(&Secret::new(text)))
    }

    /// Tokens with the key beside them.
    pub(crate) fn kept_in(&self, mut tokens: TokenSet) -> TokenSet {
        tokens.extra.insert(KEPT_AS.to_owned(), self.text.expose().into());
        tokens
    }

    /// The public half (RFC 7517, RFC 7518 §6.2.1), its members in the order in which a thumbprint has them.
    fn public(&self) -> Value {
        // An uncompressed point: one byte that says so, then both coordinates (SEC 1 §2.3.3).
        let point = self.pair.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
        json!({"crv": "P-256", "kty": "EC", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
    }

    /// The public half's thumbprint (RFC 7638).
    pub(crate) fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, self.public().to_string().as_bytes()))
    }

    /// A proof for one request, good once (RFC 9449 §4.2).
    pub(crate) fn proof(&self, out: Outside<'_>, claims: &Claims<'_>) -> Result<Secret, Failure> {
        self.proof_at(out.now, out.entropy, claims)
    }

    pub(crate) fn proof_at(
        &self,
        now: DateTime<Utc>,
        entropy: &dyn Entropy,
        claims: &Claims<'_>,
    ) -> Result<Secret, Failure> {
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.public()});
        let mut body = json!({
            "jti": URL_SAFE_NO_PAD.encode(entropy::bytes::<16>(entropy)),
            "htm": claims.method,
            "htu": &claims.url[..Position::AfterPath],
            "iat": now.timestamp(),
        });
        if let Some(members) = body.as_object_mut() {
            if let Some(token) = claims.token {
                let hash = digest::digest(&digest::SHA256, token.expose().as_bytes());
                members.insert("ath".into(), URL_SAFE_NO_PAD.encode(hash).into());
            }
            if let Some(nonce) = claims.nonce {
                members.insert("nonce".into(), nonce.into());
            }
        }
        let mut text = URL_SAFE_NO_PAD.encode(header.to_string());
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(body.to_string(), &mut text);
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).map_err(|_| {
            Failure::ClientMisconfigured(Misconfigured::Request("the proof of possession could not be signed".into()))
        })?;
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        Ok(Secret::new(text))
    }
}

/// Shows the key with every request to the API (RFC 9449 §7).
pub(crate) struct Signer {
    key: Key,
    token: Secret,
    /// What the API wants to see in the next proof.
    nonce: Mutex<Option<String>>,
}

impl Signer {
    /// For tokens that are bound to a key. `None` for those that are not, also where the provider was shown a key and did
    /// not bind the token to it (§5).
    pub(crate) fn of(tokens: &TokenSet) -> Option<Self> {
        let key = Key::of(tokens).filter(|_| tokens.token_type.eq_ignore_ascii_case("dpop"))?;
        Some(Self { key, token: tokens.access_token.clone(), nonce: Mutex::default() })
    }
}

impl Sign for Signer {
    fn scheme(&self) -> &'static str {
        "dpop"
    }

    fn needs_body(&self, _url: &Url, _headers: &HeaderMap) -> NeedsBody {
        NeedsBody::No
    }

    fn sign(&self, request: &mut Outgoing<'_>, moment: &Moment<'_>) -> Result<(), Unsigned> {
        let nonce = self.nonce.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let claims = Claims {
            method: request.method.as_str(),
            url: request.url,
            token: Some(&self.token),
            nonce: nonce.as_deref(),
        };
        let unsigned = Unsigned("the proof of possession could not be signed");
        let proof = self.key.proof_at(moment.now, moment.entropy, &claims).map_err(|_| unsigned)?;
        let value = HeaderValue::from_str(proof.expose()).map_err(|_| unsigned)?;
        request.headers.insert(HeaderName::from_static("dpop"), value);
        Ok(())
    }

    fn may_ask_again(&self) -> bool {
        true
    }

    fn seen(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        let Some(nonce) = nonce_in(headers) else { return false };
        *self.nonce.lock().unwrap_or_else(PoisonError::into_inner) = Some(nonce);
        status == StatusCode::UNAUTHORIZED && is_challenged(headers)
    }
}

/// What a server says in passing that it wants to see in the next proof.
fn nonce_in(headers: &HeaderMap) -> Option<String> {
    let nonce = headers.get("dpop-nonce")?.to_str().ok()?;
    (!nonce.is_empty() && nonce.len() <= LONGEST_NONCE).then(|| nonce.to_owned())
}

/// Whether a challenge asks for it (§9).
fn is_challenged(headers: &HeaderMap) -> bool {
    let mut challenges = headers.get_all(WWW_AUTHENTICATE).iter();
    challenges.any(|value| value.to_str().is_ok_and(|value| value.contains(WANTS_NONCE)))
}

/// The nonce that the server wants in a proof, if that is what the answer is about: an authorization server says so in the
/// body (RFC 9449 §8), a resource server in its challenge (§9).
pub(crate) fn wanted_nonce(response: &Response) -> Option<String> {
    if response.status.is_success() {
        return None;
    }
    let in_body = || {
        let body: Value = serde_json::from_slice(&response.body).ok()?;
        path::text(&body, "error").filter(|error| error == WANTS_NONCE)
    };
    nonce_in(&response.headers).filter(|_| is_challenged(&response.headers) || in_body().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oa_6_no_token_answer_may_bring_a_key() {
        assert!(KEPT_AS.starts_with(crate::answer::OURS));
    }

    #[test]
    fn oa_6_the_key_of_rfc_9449_and_rfc_7638() {
        // The key of RFC 7515 A.3, whose coordinates are printed there.
        let key = Key::from_text(&Secret::new("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI")).unwrap();
        let public = key.public();
        assert_eq!(public["x"], "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
        assert_eq!(public["y"], "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
        assert_eq!(key.thumbprint(), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
        assert!(!format!("{key:?}").contains("jpsQ"));
    }

    #[test]
    fn oa_6_zero_is_no_key() {
        assert!(Key::from_text(&Secret::new(URL_SAFE_NO_PAD.encode([0; 32]))).is_none());
        assert!(Key::from_text(&Secret::new("AAAA")).is_none() && Key::from_text(&Secret::new("?")).is_none());
    }
}
