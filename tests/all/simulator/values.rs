//! Values for a manifest's variables: whatever type, pattern and list of options ask for, the same on every run, and other
//! ones for each provider.

use std::sync::OnceLock;

use aws_lc_rs::{
    digest,
    encoding::AsDer as _,
    rsa::{KeyPair as RsaKeyPair, KeySize},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::manifest::{JwtAlgorithm, VariableSpec, VariableType};
use regex_syntax::hir::{Class, Hir, HirKind};

/// A stream of numbers that follows from a text.
pub struct Seed {
    text: String,
    at: u64,
}

impl Seed {
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), at: 0 }
    }

    fn next(&mut self) -> u64 {
        self.at += 1;
        let hash = digest::digest(&digest::SHA256, format!("{}/{}", self.text, self.at).as_bytes());
        u64::from_be_bytes(hash.as_ref()[..8].try_into().unwrap())
    }

    /// So many hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        let mut text = String::new();
        while text.len() < digits {
            text.push_str(&format!("{:016x}", self.next()));
        }
        text.truncate(digits);
        text
    }
}

/// What a variable's value is used for beside being text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Nothing else.
    Text,
    /// The key of a JWT that is signed so.
    Key(JwtAlgorithm),
    /// An RSA key for OAuth 1.
    RsaSha1,
}

/// A value, complete.
pub fn value(spec: &VariableSpec, used: Use, mut seed: Seed) -> Result<String, String> {
    if let Some(pattern) = &spec.pattern {
        // Behind the prefix and before the suffix, which may be part of the pattern.
        return (0..8)
            .map(|_| matching(pattern, &mut seed))
            .find(|text| spec.accept("it", text).is_ok())
            .map(|text| spec.complete(&text))
            .ok_or_else(|| format!("no value fits the pattern {pattern}"));
    }
    let text = match (used, spec.kind) {
        (Use::Key(algorithm), _) => private_key(algorithm, &mut seed),
        (Use::RsaSha1, _) => private_key(JwtAlgorithm::RS256, &mut seed),
        (Use::Text, VariableType::Origin) => origin(spec, &mut seed),
        (Use::Text, VariableType::Label) => format!("sim{}", seed.hex(6)),
        (Use::Text, VariableType::Text) => format!("{}+sim {}", seed.hex(6), seed.hex(4)),
        (Use::Text, VariableType::Choice) => spec.options.keys().next().cloned().unwrap_or_default(),
        // Readable as hexadecimal, as base64 and as it is.
        (Use::Text, VariableType::Secret) => seed.hex(64),
    };
    // A text with a space is no use where prefix and suffix make an address of it.
    let dense = text.split(' ').next().unwrap_or_default();
    let fits = [text.as_str(), dense].into_iter().find(|text| spec.accept("it", text).is_ok());
    fits.map(|text| spec.complete(text)).ok_or_else(|| match spec.accept("it", &text) {
        Err(error) => error.to_string(),
        Ok(_) => "no value".to_owned(),
    })
}

fn origin(spec: &VariableSpec, seed: &mut Seed) -> String {
    let sub = format!("sim{}", seed.hex(6));
    let ends = |host: &str| spec.suffix.is_empty() || format!("https://{host}").ends_with(&spec.suffix);
    let hosts = spec.allow.iter().map(|pattern| match pattern.strip_prefix("*.") {
        Some(parent) => format!("{sub}.{parent}"),
        None if pattern == "*" => format!("{sub}.selfhosted.example{}", spec.suffix),
        None => pattern.clone(),
    });
    let host = hosts.into_iter().find(|host| ends(host) && !host.starts_with("127.") && host != "localhost");
    format!("https://{}", host.unwrap_or(sub))
}

/// What is typed into the form: the value without what the form shows around it.
pub fn typed<'v>(spec: &VariableSpec, value: &'v str) -> &'v str {
    let bare = value.strip_prefix(spec.prefix.as_str()).unwrap_or(value);
    let bare = bare.strip_suffix(spec.suffix.as_str()).unwrap_or(bare);
    if spec.complete(bare) == value { bare } else { value }
}

/// A private key in PEM, or the text of a shared one. RSA keys take long to make, so all share one, and all wrong ones another.
fn private_key(algorithm: JwtAlgorithm, seed: &mut Seed) -> String {
    match algorithm {
        JwtAlgorithm::HS256 | JwtAlgorithm::HS384 | JwtAlgorithm::HS512 => seed.hex(64),
        JwtAlgorithm::ES256 => rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem(),
        JwtAlgorithm::ES384 => rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem(),
        JwtAlgorithm::EdDSA => rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem(),
        JwtAlgorithm::RS256 | JwtAlgorithm::RS384 | JwtAlgorithm::RS512 | JwtAlgorithm::PS256 => {
            static RSA: [OnceLock<String>; 2] = [const { OnceLock::new() }; 2];
            let cell = &RSA[usize::from(seed.text.starts_with("wrong/"))];
            cell.get_or_init(|| {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
                let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
                let body = STANDARD.encode(der.as_ref());
                let lines: Vec<&str> =
                    body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
                format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
            })
            .clone()
        }
    }
}

/// A text that a regular expression matches as a whole, of letters, digits and signs that can be typed.
pub fn matching(pattern: &str, seed: &mut Seed) -> String {
    let parsed = regex_syntax::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    let mut text = String::new();
    walk(&parsed, seed, &mut text);
    text
}

fn walk(part: &Hir, seed: &mut Seed, text: &mut String) {
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => {
            let has = |c: char| match class {
                Class::Unicode(class) => class.iter().any(|range| range.start() <= c && c <= range.end()),
                Class::Bytes(class) => {
                    class.iter().any(|range| char::from(range.start()) <= c && c <= char::from(range.end()))
                }
            };
            let plain: Vec<char> = (0x21..0x7f_u8).map(char::from).filter(|c| has(*c)).collect();
            let letters: Vec<char> = plain.iter().copied().filter(char::is_ascii_alphanumeric).collect();
            let choices = if letters.is_empty() { plain } else { letters };
            let at = usize::try_from(seed.next() % (choices.len().max(1) as u64)).unwrap();
            text.extend(choices.get(at));
        }
        HirKind::Repetition(repeated) => {
            // Some more than needed, so that values differ.
            let most = repeated.max.unwrap_or(u32::MAX);
            let times = repeated.min.max(if repeated.min > 1 { 0 } else { 4 }).min(most);
            (0..times).for_each(|_| walk(&repeated.sub, seed, text));
        }
        HirKind::Capture(capture) => walk(&capture.sub, seed, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| walk(part, seed, text)),
        HirKind::Alternation(parts) => walk(&parts[0], seed, text),
    }
}
