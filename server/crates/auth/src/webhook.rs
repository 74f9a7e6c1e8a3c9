//! Is this delivery the provider's, fresh, and whose is it? Pure: everything is handed in, and no input makes it panic.

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    hmac,
    signature::{ED25519, UnparsedPublicKey},
};
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    manifest::{DigestEncoding, HmacHash, KeyEncoding, Piece, WebhookScheme, WebhookSpec},
    secret::Secret,
};
use egress::sign::{hmac::key_bytes, hmac_key};
use http::{HeaderMap, header::CONTENT_TYPE};
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::{answer, path, refused::shown, xml};

/// A delivery that is the provider's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The provider's id of the account that it is about, where the manifest says where it lies.
    pub account: Option<String>,
    /// The kind of event, likewise.
    pub event: Option<String>,
    /// The delivery's own id, likewise: one that was seen before is a replay.
    pub id: Option<String>,
}

/// Why a delivery is not acted on. Its text holds nothing of the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no signature where the manifest says.
    #[error("the delivery is not signed")]
    Unsigned,
    /// The signature is not the provider's, or not over this.
    #[error("the signature does not fit the delivery")]
    WrongSignature,
    /// There is no time where the manifest says.
    #[error("the delivery says no time")]
    NoTime,
    /// It was sent too long ago, or in the future.
    #[error("the delivery is too old, or from the future")]
    Stale,
    /// The secret is not written as the manifest says, or the manifest asks for what a delivery has not.
    #[error("the webhook is set up wrongly: {0}")]
    Misconfigured(&'static str),
}

/// A header with more signatures than this is not looked at further.
const MOST_SIGNATURES: usize = 16;
/// Base64 in the standard alphabet, padded or not.
const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Checks a delivery. `secret` is the webhook's: the shared key, the shared text, or the vendor's public key. `body` is as it
/// came, `url` the one that the provider was told.
///
/// # Errors
/// [`Refused`]; nothing may then be changed because of the delivery.
pub fn verify(
    spec: &WebhookSpec,
    secret: &Secret,
    headers: &HeaderMap,
    body: &[u8],
    url: &Url,
    now: DateTime<Utc>,
) -> Result<Verified, Refused> {
    let delivery = Delivery { spec, headers, body, url };
    let time = delivery.time()?;
    let signatures = delivery.signatures()?;
    match spec.scheme {
        WebhookScheme::Token => {
            // Lengths may be told by the time that it takes; the texts not.
            let is_right =
                |given: &String| verify_slices_are_equal(given.as_bytes(), secret.expose().as_bytes()).is_ok();
            if secret.expose().is_empty() || !delivery.whole_values().iter().any(is_right) {
                return Err(Refused::WrongSignature);
            }
        }
        WebhookScheme::Hmac => {
            let key = hmac_key(spec.hash.unwrap_or(HmacHash::Sha256), &shared_key(spec, secret)?);
            let message = delivery.message(time.as_deref())?;
            if !signatures.iter().any(|signature| hmac::verify(&key, &message, signature).is_ok()) {
                return Err(Refused::WrongSignature);
            }
        }
        WebhookScheme::Ed25519 => {
            let key = UnparsedPublicKey::new(&ED25519, public_key(secret)?);
            let message = delivery.message(time.as_deref())?;
            if !signatures.iter().any(|signature| key.verify(&message, signature).is_ok()) {
                return Err(Refused::WrongSignature);
            }
        }
    }
    if let Some(time) = &time {
        let sent = answer::moment(Some(&Value::from(time.as_str()))).end().ok_or(Refused::NoTime)?;
        if (now - sent).abs() > TimeDelta::seconds(spec.tolerance.into()) {
            return Err(Refused::Stale);
        }
    }
    let content = delivery.content();
    let at = |place: &Option<String>| place.as_deref().and_then(|place| delivery.at(place, content.as_ref()));
    Ok(Verified { account: at(&spec.account), event: at(&spec.event), id: delivery.id() })
}

/// Whether a secret could verify anything.
///
/// # Errors
/// [`Refused::Misconfigured`] with what is wrong with it.
pub fn check_secret(spec: &WebhookSpec, secret: &Secret) -> Result<(), Refused> {
    match spec.scheme {
        WebhookScheme::Token => Ok(()),
        WebhookScheme::Hmac => shared_key(spec, secret).map(drop),
        WebhookScheme::Ed25519 => public_key(secret).map(drop),
    }
}

/// What tells a verified delivery from another: the bytes that were signed, or the body where nothing is.
#[must_use]
pub fn content(spec: &WebhookSpec, headers: &HeaderMap, body: &[u8], url: &Url) -> Vec<u8> {
    let delivery = Delivery { spec, headers, body, url };
    let time = delivery.time().ok().flatten();
    match spec.scheme {
        WebhookScheme::Token => body.to_vec(),
        WebhookScheme::Hmac | WebhookScheme::Ed25519 => {
            delivery.message(time.as_deref()).unwrap_or_else(|_| body.to_vec())
        }
    }
}

/// Reads a delivery: gives what lies at a place (`body.…`, `header.…`, `query.…`) as the provider wrote it, if it is a text
/// or a number and not empty. The body is parsed once.
pub fn reader<'a>(
    spec: &'a WebhookSpec,
    headers: &'a HeaderMap,
    body: &'a [u8],
    url: &'a Url,
) -> impl Fn(&str) -> Option<String> + 'a {
    let delivery = Delivery { spec, headers, body, url };
    let content = delivery.content();
    move |place| delivery.raw_at(place, content.as_ref()).filter(|text| !text.is_empty())
}

struct Delivery<'a> {
    spec: &'a WebhookSpec,
    headers: &'a HeaderMap,
    body: &'a [u8],
    url: &'a Url,
}

impl Delivery<'_> {
    fn values(&self, header: &str) -> impl Iterator<Item = &str> {
        self.headers.get_all(header).iter().filter_map(|value| value.to_str().ok())
    }

    fn header(&self, name: &str) -> Option<String> {
        self.values(name).next().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The time as it was written, which is how it is signed.
    fn time(&self) -> Result<Option<String>, Refused> {
        let Some(place) = &self.spec.timestamp else { return Ok(None) };
        let found = if place.ends_with('=') {
            let parts = self.values(&self.spec.header).flat_map(parts);
            parts.filter_map(|part| part.strip_prefix(place.as_str())).next().map(Into::into)
        } else {
            self.header(place)
        };
        found.map(Some).ok_or(Refused::NoTime)
    }

    fn id(&self) -> Option<String> {
        self.spec.id_header.as_deref().and_then(|name| self.header(name))
    }

    /// The header's values without what stands before them.
    fn whole_values(&self) -> Vec<String> {
        self.values(&self.spec.header)
            .filter_map(|value| value.trim().strip_prefix(self.spec.prefix.as_str()))
            .map(Into::into)
            .collect()
    }

    /// The bytes of all signatures that the header holds: a provider that changes its key sends two.
    fn signatures(&self) -> Result<Vec<Vec<u8>>, Refused> {
        if !self.headers.contains_key(&self.spec.header) {
            return Err(Refused::Unsigned);
        }
        let prefix = self.spec.prefix.as_str();
        let in_lists = self.values(&self.spec.header).flat_map(|value| value.split_whitespace().chain(parts(value)));
        let in_lists = in_lists.filter_map(|part| part.strip_prefix(prefix)).map(Into::into);
        let texts = self.whole_values().into_iter().chain(in_lists).take(MOST_SIGNATURES);
        let decoded = texts.filter_map(|text: String| match self.spec.encoding {
            DigestEncoding::Hex => hex::decode(text.trim()).ok(),
            DigestEncoding::Base64 => TOLERANT.decode(text.trim().replace('-', "+").replace('_', "/")).ok(),
        });
        Ok(decoded.collect())
    }

    /// What was signed.
    fn message(&self, time: Option<&str>) -> Result<Vec<u8>, Refused> {
        let Some(template) = &self.spec.message else { return Ok(self.body.to_vec()) };
        let mut message = Vec::new();
        for piece in template.pieces() {
            match piece {
                Piece::Fixed(fixed) => message.extend_from_slice(fixed.as_bytes()),
                Piece::Hole(hole) => match hole.name.as_str() {
                    "body" => message.extend_from_slice(self.body),
                    "url" => message.extend_from_slice(self.url.as_str().as_bytes()),
                    "timestamp" => message.extend_from_slice(time.ok_or(Refused::NoTime)?.as_bytes()),
                    "id" => message.extend_from_slice(self.id().ok_or(Refused::Unsigned)?.as_bytes()),
                    _ => return Err(Refused::Misconfigured("what is signed names what a delivery has not")),
                },
            }
        }
        Ok(message)
    }

    /// The body as a value, in whichever of the usual ways it is written.
    fn content(&self) -> Option<Value> {
        let kind = self.header(CONTENT_TYPE.as_str()).unwrap_or_default().to_ascii_lowercase();
        if kind.starts_with("application/x-www-form-urlencoded") {
            let mut members = serde_json::Map::new();
            for (name, value) in form_urlencoded::parse(self.body) {
                // Some put a JSON document into a field of a form.
                let value = if value.starts_with('{') { serde_json::from_str(&value).ok() } else { None }
                    .unwrap_or_else(|| Value::from(value.as_ref()));
                members.insert(name.into_owned(), value);
            }
            return Some(Value::Object(members));
        }
        serde_json::from_slice(self.body).ok().or_else(|| xml::read(self.body))
    }

    fn at(&self, place: &str, content: Option<&Value>) -> Option<String> {
        let found = self.raw_at(place, content);
        found.map(|text| shown(&text)).filter(|text| !text.is_empty())
    }

    fn raw_at(&self, place: &str, content: Option<&Value>) -> Option<String> {
        match place.split_once('.')? {
            ("body", at) => path::text(content?, at),
            ("header", name) => self.header(name),
            ("query", name) => {
                self.url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
            }
            _ => None,
        }
    }
}

/// The parts of a list such as `t=1,v1=ab`.
fn parts(value: &str) -> impl Iterator<Item = &str> {
    value.split([',', ';', '&']).map(str::trim)
}

fn shared_key(spec: &WebhookSpec, secret: &Secret) -> Result<Vec<u8>, Refused> {
    let text = secret.expose().strip_prefix(spec.key_prefix.as_str()).unwrap_or(secret.expose());
    let key = key_bytes(&Secret::new(text), spec.key_encoding)
        .map_err(|_| Refused::Misconfigured("the secret is not written as the manifest says"))?;
    // Anybody can sign with nothing.
    if key.is_empty() { Err(Refused::Misconfigured("the secret is empty")) } else { Ok(key.to_vec()) }
}

/// 32 bytes in hexadecimal or base64, or a public key in PEM (RFC 8410), whose last 32 bytes they are.
fn public_key(secret: &Secret) -> Result<Vec<u8>, Refused> {
    const LENGTH: usize = 32;
    let text = secret.expose().trim();
    let bare: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let read = |encoding| key_bytes(&Secret::new(bare.as_str()), encoding).ok().map(|bytes| bytes.to_vec());
    let hexadecimal = read(KeyEncoding::Hex).filter(|bytes| bytes.len() == LENGTH);
    let bytes = hexadecimal.or_else(|| read(KeyEncoding::Base64)).unwrap_or_default();
    let key = bytes.len().checked_sub(LENGTH).and_then(|from| bytes.get(from..));
    key.map(<[u8]>::to_vec).ok_or(Refused::Misconfigured("the public key is not 32 bytes, or no public key in PEM"))
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
