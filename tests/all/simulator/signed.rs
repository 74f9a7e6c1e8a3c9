//! Signatures made again from the specifications' text, with nothing of the code that made them.

use aws_lc_rs::{
    digest, hmac,
    signature::{self, KeyPair as _, RsaKeyPair, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::Utc;
use domain::manifest::{DigestEncoding, HmacHash, OAuth1Signature, Piece, SignSpec, TextTemplate};
use std::collections::BTreeMap;

use super::{
    expected::is,
    jose::{der_of, key_bytes},
    oauth1::method_name,
    script::{Known, Script, unknown},
    wire::Seen,
};

/// How far two clocks may be apart, in seconds.
const APART: i64 = 120;

/// The keys of OAuth 1.
pub struct OAuth1Keys {
    pub consumer_key: String,
    pub consumer_secret: String,
    pub token: Option<(String, String)>,
    pub realm: Option<String>,
    pub signature: OAuth1Signature,
    pub client_key: Option<String>,
}

/// RFC 3986's unreserved characters stay.
fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn unpercent(text: &str) -> String {
    url::form_urlencoded::parse(text.replace('+', "%2B").as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

/// Checks a request by RFC 5849 §3; gives the protocol's parameters.
pub fn oauth1(seen: &Seen, keys: &OAuth1Keys) -> Result<Vec<(String, String)>, String> {
    let header = seen.header("authorization").ok_or("there is no Authorization header")?;
    let list = header.strip_prefix("OAuth ").ok_or("it is not of OAuth 1")?;
    let mut params = Vec::new();
    for part in list.split(',') {
        let (name, value) = part.trim().split_once('=').ok_or("a part without a value")?;
        params.push((unpercent(name), unpercent(value.trim_matches('"'))));
    }
    let of = |name: &str| params.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str());
    if of("realm") != keys.realm.as_deref() {
        return Err(format!("the realm is {:?}", of("realm")));
    }
    let token = keys.token.as_ref().map(|(token, _)| token.as_str());
    let wanted = [
        ("oauth_consumer_key", Some(keys.consumer_key.as_str())),
        ("oauth_token", token),
        ("oauth_signature_method", Some(method_name(keys.signature))),
        ("oauth_version", Some("1.0")),
    ];
    for (name, value) in wanted {
        if of(name) != value && !(name == "oauth_version" && of(name).is_none()) {
            return Err(format!("{name} is {:?}, not {value:?}", of(name)));
        }
    }
    let at = of("oauth_timestamp").and_then(|text| text.parse::<i64>().ok()).ok_or("there is no time")?;
    if at.abs_diff(Utc::now().timestamp()) > APART.unsigned_abs() {
        return Err(format!("it was signed at {at}"));
    }
    let mut all: Vec<(String, String)> =
        params.iter().filter(|(name, _)| !matches!(name.as_str(), "realm" | "oauth_signature")).cloned().collect();
    all.extend(seen.params());
    if seen.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        all.extend(seen.form());
    }
    let mut encoded: Vec<(String, String)> = all.iter().map(|(n, v)| (percent(n), percent(v))).collect();
    encoded.sort();
    let joined: Vec<String> = encoded.iter().map(|(name, value)| format!("{name}={value}")).collect();
    // By address one comes without TLS; see `wire::listen_plain`.
    let scheme = if seen.host.starts_with("127.0.0.1:") { "http" } else { "https" };
    let url = format!("{scheme}://{}{}", seen.host.to_ascii_lowercase(), seen.path);
    let base = format!("{}&{}&{}", seen.method, percent(&url), percent(&joined.join("&")));
    let secret = keys.token.as_ref().map_or("", |(_, secret)| secret.as_str());
    let key = format!("{}&{}", percent(&keys.consumer_secret), percent(secret));
    let given = of("oauth_signature").ok_or("there is no signature")?;
    let mac = |algorithm| STANDARD.encode(hmac::sign(&hmac::Key::new(algorithm, key.as_bytes()), base.as_bytes()));
    let is_right = match keys.signature {
        OAuth1Signature::HmacSha1 => mac(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY) == given,
        OAuth1Signature::HmacSha256 => mac(hmac::HMAC_SHA256) == given,
        OAuth1Signature::Plaintext => key == given,
        OAuth1Signature::RsaSha1 => {
            let der = der_of(keys.client_key.as_deref().unwrap_or_default().as_bytes())?;
            let pair = RsaKeyPair::from_pkcs8(&der).map_err(|error| error.to_string())?;
            let by = &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY;
            let signed = STANDARD.decode(given).map_err(|error| error.to_string())?;
            UnparsedPublicKey::new(by, pair.public_key().as_ref()).verify(base.as_bytes(), &signed).is_ok()
        }
    };
    if is_right { Ok(params) } else { Err(format!("the signature is not that of {base}")) }
}

/// The keys of Signature Version 4.
pub struct AwsKeys {
    pub access_key: String,
    pub secret_key: String,
    pub session_token: Option<String>,
    pub region: String,
    pub service: String,
}

impl AwsKeys {
    /// Those that the manifest's signature names.
    pub fn of(script: &Script, sign: &SignSpec) -> Result<Self, String> {
        let SignSpec::AwsSigv4 { access_key, secret_key, session_token, region, service, .. } = sign else {
            return Err("another signature".into());
        };
        let text = |template| script.text(template, &[]).unwrap_or_default();
        let session_token = Some(text(session_token)).filter(|token| !token.is_empty());
        let (access_key, secret_key) = (text(access_key), text(secret_key));
        Ok(Self { access_key, secret_key, session_token, region: text(region), service: text(service) })
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// Checks a request by AWS Signature Version 4.
pub fn sigv4(seen: &Seen, keys: &AwsKeys) -> Result<(), String> {
    let header = seen.header("authorization").ok_or("there is no Authorization header")?;
    let list = header.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("it is not of Signature Version 4")?;
    let part = |name: &str| list.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let (credential, signed) = (part("Credential").ok_or("no credential")?, part("SignedHeaders").ok_or("no list")?);
    let time = seen.header("x-amz-date").ok_or("there is no x-amz-date")?;
    let at = chrono::NaiveDateTime::parse_from_str(time, "%Y%m%dT%H%M%SZ").map_err(|error| error.to_string())?;
    if at.and_utc().timestamp().abs_diff(Utc::now().timestamp()) > APART.unsigned_abs() {
        return Err(format!("it was signed at {time}"));
    }
    let day = &time[..8];
    let scope = format!("{day}/{}/{}/aws4_request", keys.region, keys.service);
    if credential != format!("{}/{scope}", keys.access_key) {
        return Err(format!("the credential is {credential}"));
    }
    if seen.header("x-amz-security-token") != keys.session_token.as_deref() {
        return Err("the session token is not the one given out".into());
    }
    let names: Vec<&str> = signed.split(';').collect();
    let need: Vec<&str> = ["host", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"]
        .into_iter()
        .filter(|name| seen.header(name).is_some())
        .collect();
    if !need.iter().all(|name| names.contains(name)) {
        return Err(format!("{signed} leaves out one of {need:?}"));
    }
    let mut headers = String::new();
    for name in &names {
        let value = seen.header(name).ok_or_else(|| format!("{name} is signed and not there"))?;
        headers.push_str(&format!("{name}:{}\n", value.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    let mut query: Vec<(String, String)> = seen.params().iter().map(|(n, v)| (percent(n), percent(v))).collect();
    query.sort();
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    // The path is encoded once more, but not for the object store.
    let segments = seen.path.split('/');
    let path =
        if keys.service == "s3" { seen.path.clone() } else { segments.map(percent).collect::<Vec<_>>().join("/") };
    let payload = match seen.header("x-amz-content-sha256") {
        Some(said) if said != sha256(&seen.body) && said != "UNSIGNED-PAYLOAD" => {
            return Err("the body's hash is wrong".into());
        }
        Some(said) => said.to_owned(),
        None => sha256(&seen.body),
    };
    let canonical = format!("{}\n{path}\n{}\n{headers}\n{signed}\n{payload}", seen.method, query.join("&"));
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha256(canonical.as_bytes()));
    let mac =
        |key: &[u8], data: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data.as_bytes()).as_ref().to_vec();
    let key = [day, &keys.region, &keys.service, "aws4_request"]
        .iter()
        .fold(format!("AWS4{}", keys.secret_key).into_bytes(), |key, data| mac(&key, data));
    let right = hex::encode(mac(&key, &text));
    if part("Signature") == Some(right.as_str()) {
        Ok(())
    } else {
        Err(format!("the signature is not that of {canonical}"))
    }
}

/// Checks a `UsernameToken` (WS-Security).
pub fn wsse(script: &Script, sign: &SignSpec, seen: &Seen) -> Result<(), String> {
    let SignSpec::Wsse { username, password, hex_first } = sign else { return Err("another signature".into()) };
    let header = seen.header("x-wsse").ok_or("there is no X-WSSE header")?;
    let list = header.strip_prefix("UsernameToken ").ok_or("it is no UsernameToken")?;
    let part = |name: &str| {
        let found = list.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        found.map(|text| text.trim_matches('"').to_owned()).ok_or_else(|| format!("there is no {name}"))
    };
    let text = |template| script.text(template, &[]).unwrap_or_default();
    if part("Username")? != text(username) {
        return Err("another user".into());
    }
    // As it is written, which is what those who brought the scheme to HTTP do.
    let mut bytes = part("Nonce")?.into_bytes();
    bytes.extend_from_slice(part("Created")?.as_bytes());
    bytes.extend_from_slice(text(password).as_bytes());
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let right = if *hex_first { STANDARD.encode(hex::encode(hash)) } else { STANDARD.encode(hash) };
    if part("PasswordDigest")? == right { Ok(()) } else { Err("the digest is wrong".into()) }
}

/// The holes that say something that only the other side knows.
const THEIRS: [&str; 6] = ["timestamp", "timestamp_ms", "timestamp_iso", "date", "nonce", "signature"];

/// Checks an HMAC over what the manifest makes of the request.
pub fn hmac(script: &Script, sign: &SignSpec, seen: &Seen) -> Result<(), String> {
    let SignSpec::Hmac { hash, key, key_encoding, message, encoding, headers, query } = sign else {
        return Err("another signature".into());
    };
    let theirs: Vec<(&str, String)> = THEIRS.iter().map(|name| (*name, unknown(name))).collect();
    let mut read: BTreeMap<String, String> = BTreeMap::new();
    let mut behind = Vec::new();
    let given = headers.iter().map(|(name, text)| (name, text, seen.header(name).map(str::to_owned)));
    let given = given.chain(query.iter().map(|(name, text)| (name, text, seen.param(name))));
    for (name, template, found) in given {
        let Some(wanted) = script.text(template, &theirs) else { continue };
        let found = found.ok_or_else(|| format!("{name} is missing"))?;
        let parts = is(&wanted, &found).ok_or_else(|| format!("{name} is {found}"))?;
        for (name, value) in parts {
            let before = read.insert(name.clone(), value.clone());
            if before.is_some_and(|before| before != value) {
                return Err(format!("{name} is said twice, and differently"));
            }
        }
        if template.holes().any(|hole| hole.name == "signature") {
            behind.push(name.clone());
        }
    }
    let now = Utc::now();
    let said = read.get("timestamp").and_then(|text| text.parse::<i64>().ok());
    let said = said.or_else(|| read.get("timestamp_ms").and_then(|text| Some(text.parse::<i64>().ok()? / 1000)));
    if said.is_some_and(|at| at.abs_diff(now.timestamp()) > APART.unsigned_abs()) {
        return Err(format!("it was signed at {said:?}"));
    }
    let pairs = seen.query.split('&').filter(|pair| !pair.is_empty());
    let kept: Vec<&str> =
        pairs.filter(|pair| !behind.iter().any(|name| pair.split('=').next() == Some(name))).collect();
    let kept = kept.join("&");
    let whole = if kept.is_empty() { seen.path.clone() } else { format!("{}?{kept}", seen.path) };
    let mut known: Vec<(&str, String)> = read.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    known.extend([
        ("method", seen.method.clone()),
        ("path", whole),
        ("path_only", seen.path.clone()),
        ("query", kept),
        ("host", seen.host.clone()),
        ("body", seen.text()),
        ("body_sha256", sha256(&seen.body)),
        ("body_sha256_base64", STANDARD.encode(digest::digest(&digest::SHA256, &seen.body))),
        ("body_sha512", hex::encode(digest::digest(&digest::SHA512, &seen.body))),
    ]);
    let text = variables_first(script, message, &known).ok_or("the message cannot be made")?;
    let key = key_bytes(&script.text(key, &[]).ok_or("there is no key")?, *key_encoding)?;
    let by = match hash {
        HmacHash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        HmacHash::Sha256 => hmac::HMAC_SHA256,
        HmacHash::Sha512 => hmac::HMAC_SHA512,
    };
    let tag = hmac::sign(&hmac::Key::new(by, &key), text.as_bytes());
    let right = match encoding {
        DigestEncoding::Hex => hex::encode(tag),
        DigestEncoding::Base64 => STANDARD.encode(tag),
    };
    let found = read.get("signature").map(String::as_str);
    if found == Some(right.as_str()) { Ok(()) } else { Err(format!("the signature is not that of {text:?}")) }
}

/// A variable of a request's name is the variable.
fn variables_first(script: &Script, template: &TextTemplate, known: Known<'_>) -> Option<String> {
    let mut text = String::new();
    for piece in template.pieces() {
        match piece {
            Piece::Fixed(fixed) => text.push_str(fixed),
            Piece::Hole(hole) => {
                let is_variable = script.manifest.variables.contains_key(&hole.name);
                let one = TextTemplate::try_from(match &hole.group {
                    Some(group) => format!("{{{}.{group}}}", hole.name),
                    None => format!("{{{}}}", hole.name),
                });
                text.push_str(&script.text(&one.ok()?, if is_variable { &[] } else { known })?);
            }
        }
    }
    Some(text)
}
