//! Webhooks as each manifest says that the provider signs them: made here, and checked by the code that checks deliveries.

use auth::webhook::{Refused, verify};
use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    manifest::{DigestEncoding, HmacHash, KeyEncoding, Piece, WebhookScheme, WebhookSpec},
    secret::Secret,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use url::Url;

use super::{
    catalogue::{files, read},
    expected::put,
    values::Seed,
};

/// A delivery, and the secret that it is checked with.
struct Delivery {
    headers: HeaderMap,
    body: Vec<u8>,
    url: Url,
    secret: Secret,
    account: Option<String>,
    event: Option<String>,
    id: Option<String>,
}

/// Signs as the vendor does.
fn deliver(slug: &str, spec: &WebhookSpec, at: DateTime<Utc>) -> Result<Delivery, String> {
    let mut seed = Seed::new(&format!("{slug}/webhook"));
    let mut url: Url = format!("https://patchbay.example/webhooks/{}", seed.hex(8)).parse().unwrap();
    let mut body = json!({});
    let mut headers = HeaderMap::new();
    let mut set = |name: &str, value: &str| {
        let name: HeaderName = name.parse().map_err(|_| format!("`{name}` is no header"))?;
        headers.insert(name, HeaderValue::from_str(value).map_err(|error| error.to_string())?);
        Ok::<_, String>(())
    };
    let mut place = |spot: &Option<String>, value: &str| -> Result<Option<String>, String> {
        let Some(spot) = spot else { return Ok(None) };
        match spot.split_once('.').ok_or("no place")? {
            ("body", path) => put(&mut body, path, Value::from(value))?,
            ("header", name) => set(name, value)?,
            ("query", name) => {
                url.query_pairs_mut().append_pair(name, value);
            }
            _ => return Err(format!("`{spot}` is no place")),
        }
        Ok(Some(value.to_owned()))
    };
    let account = place(&spec.account, "account-17")?;
    let event = if spec.event == spec.account { account.clone() } else { place(&spec.event, "order.created")? };
    let id = spec.id_header.as_ref().map(|_| "delivery-9".to_owned());
    if let (Some(name), Some(id)) = (&spec.id_header, &id) {
        set(name, id)?;
    }
    let body = body.to_string().into_bytes();
    let time = at.timestamp().to_string();
    let message: Vec<u8> = match &spec.message {
        None => body.clone(),
        Some(template) => {
            let mut message = Vec::new();
            for piece in template.pieces() {
                match piece {
                    Piece::Fixed(text) => message.extend_from_slice(text.as_bytes()),
                    Piece::Hole(hole) => message.extend_from_slice(match hole.name.as_str() {
                        "body" => &body,
                        "timestamp" => time.as_bytes(),
                        "url" => url.as_str().as_bytes(),
                        "id" => id.as_deref().unwrap_or_default().as_bytes(),
                        other => return Err(format!("`{other}` is nothing that a delivery has")),
                    }),
                }
            }
            message
        }
    };
    let bytes = hex::decode(seed.hex(64)).unwrap();
    let written = |bytes: &[u8]| match spec.encoding {
        DigestEncoding::Hex => hex::encode(bytes),
        DigestEncoding::Base64 => STANDARD.encode(bytes),
    };
    let (secret, signature) = match spec.scheme {
        WebhookScheme::Token => {
            let text = seed.hex(32);
            (text.clone(), text)
        }
        WebhookScheme::Hmac => {
            let text = match spec.key_encoding {
                KeyEncoding::Text | KeyEncoding::Hex => hex::encode(&bytes),
                KeyEncoding::Base64 => STANDARD.encode(&bytes),
            };
            let key = if spec.key_encoding == KeyEncoding::Text { text.clone().into_bytes() } else { bytes };
            let by = match spec.hash.ok_or("an HMAC without its hash")? {
                HmacHash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                HmacHash::Sha256 => hmac::HMAC_SHA256,
                HmacHash::Sha512 => hmac::HMAC_SHA512,
            };
            let tag = hmac::sign(&hmac::Key::new(by, &key), &message);
            (format!("{}{text}", spec.key_prefix), written(tag.as_ref()))
        }
        WebhookScheme::Ed25519 => {
            let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
            let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
            (hex::encode(pair.public_key().as_ref()), written(pair.sign(&message).as_ref()))
        }
    };
    let signature = format!("{}{signature}", spec.prefix);
    match &spec.timestamp {
        Some(part) if part.ends_with('=') => set(&spec.header, &format!("{part}{time},{signature}"))?,
        Some(name) => {
            set(name, &time)?;
            set(&spec.header, &signature)?;
        }
        None => set(&spec.header, &signature)?,
    }
    set("content-type", "application/json")?;
    Ok(Delivery { headers, body, url, secret: Secret::new(secret), account, event, id })
}

fn check(slug: &str, spec: &WebhookSpec) -> Result<(), String> {
    let now = Utc::now();
    let it = deliver(slug, spec, now)?;
    let tried = |it: &Delivery, secret: &Secret| verify(spec, secret, &it.headers, &it.body, &it.url, now);
    let found = tried(&it, &it.secret).map_err(|error| format!("refused: {error}"))?;
    if (&found.account, &found.event, &found.id) != (&it.account, &it.event, &it.id) {
        return Err(format!("{found:?}, not {:?}, {:?}, {:?}", it.account, it.event, it.id));
    }
    let wrong = Secret::new(hex::encode([7; 32]));
    let encoded = match spec.key_encoding {
        KeyEncoding::Base64 => Secret::new(format!("{}{}", spec.key_prefix, STANDARD.encode([7; 32]))),
        KeyEncoding::Text | KeyEncoding::Hex => wrong,
    };
    if tried(&it, &encoded) != Err(Refused::WrongSignature) {
        return Err(format!("with another secret: {:?}", tried(&it, &encoded)));
    }
    let names = |hole: &str| spec.message.as_ref().is_none_or(|text| text.holes().any(|found| found.name == hole));
    if spec.scheme != WebhookScheme::Token && names("body") {
        let mut other = deliver(slug, spec, now)?;
        let secret = other.secret.clone();
        other.body.extend_from_slice(b" ");
        if tried(&other, &secret) != Err(Refused::WrongSignature) {
            return Err(format!("with another body: {:?}", tried(&other, &secret)));
        }
    }
    if spec.timestamp.is_some() {
        let late = deliver(slug, spec, now - TimeDelta::seconds(i64::from(spec.tolerance) + 60))?;
        if tried(&late, &late.secret) != Err(Refused::Stale) {
            return Err(format!("too late: {:?}", tried(&late, &late.secret)));
        }
    }
    let mut bare = deliver(slug, spec, now)?;
    bare.headers.remove(spec.header.as_str());
    match tried(&bare, &bare.secret) {
        Err(Refused::Unsigned | Refused::NoTime) => Ok(()),
        other => Err(format!("without a signature: {other:?}")),
    }
}

#[test]
fn a_every_webhook_is_known_by_its_signature() {
    let mut failed = Vec::new();
    let mut schemes = [0; 3];
    for manifest in read(&files()) {
        let Some(spec) = &manifest.webhook else { continue };
        schemes[match spec.scheme {
            WebhookScheme::Hmac => 0,
            WebhookScheme::Token => 1,
            WebhookScheme::Ed25519 => 2,
        }] += 1;
        failed.extend(check(&manifest.slug, spec).err().map(|error| format!("{}: {error}", manifest.slug)));
    }
    println!("webhooks: {} by HMAC, {} by a shared text, {} by Ed25519", schemes[0], schemes[1], schemes[2]);
    assert!(schemes.iter().all(|count| *count > 0));
    assert!(failed.is_empty(), "{} webhooks:\n{}", failed.len(), failed.join("\n"));
}
