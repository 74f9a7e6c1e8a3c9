//! The ways in which bytes are written, and a search for many of them at once.

use std::collections::HashMap;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

/// Shorter ones are found by chance.
pub const SHORTEST: usize = 12;

/// The bytes as they are and as they may be written.
pub fn forms(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms: Vec<(&'static str, Vec<u8>)> = vec![
        ("as it is", secret.to_vec()),
        ("in hex", hex::encode(secret).into_bytes()),
        ("in capital hex", hex::encode_upper(secret).into_bytes()),
        ("as a list of numbers", secret.iter().map(u8::to_string).collect::<Vec<_>>().join(", ").into_bytes()),
        ("as a dense list of numbers", secret.iter().map(u8::to_string).collect::<Vec<_>>().join(",").into_bytes()),
    ];
    // Within a longer text that is written in base64, its characters depend on where it begins.
    for shift in 0..3 {
        let padded = [vec![0; shift], secret.to_vec()].concat();
        let skipped = [0, 2, 3][shift];
        for (name, text) in [("in base64", STANDARD.encode(&padded)), ("in base64url", URL_SAFE_NO_PAD.encode(&padded))]
        {
            // The last characters depend on what follows.
            let whole = (padded.len() * 8) / 6;
            forms.push((name, text.as_bytes()[skipped..whole].to_vec()));
        }
    }
    if let Ok(text) = std::str::from_utf8(secret) {
        let form: String = url::form_urlencoded::byte_serialize(secret).collect();
        let percent: String = text
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect();
        let json = serde_json::to_string(text).unwrap();
        let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        forms.extend([
            ("as a form sends it", form.into_bytes()),
            ("percent-encoded", percent.to_lowercase().into_bytes()),
            ("percent-encoded", percent.into_bytes()),
            ("in JSON", json.trim_matches('"').as_bytes().to_vec()),
            ("in HTML", html.into_bytes()),
        ]);
    }
    forms.retain(|(_, form)| form.len() >= SHORTEST);
    let mut seen = std::collections::HashSet::new();
    forms.retain(|(_, form)| seen.insert(form.clone()));
    forms
}

/// Looks for many needles in one walk over a text.
pub struct Finder {
    needles: Vec<(usize, &'static str, Vec<u8>)>,
    by_beginning: HashMap<[u8; SHORTEST], Vec<usize>>,
    /// Whether any needle begins with these two bytes.
    begins: Vec<bool>,
}

impl Finder {
    /// Of these secrets, each known by its place.
    pub fn new(secrets: &[Vec<u8>]) -> Self {
        let mut finder = Self { needles: Vec::new(), by_beginning: HashMap::new(), begins: vec![false; 1 << 16] };
        for (at, secret) in secrets.iter().enumerate() {
            for (name, form) in forms(secret) {
                let beginning: [u8; SHORTEST] = form[..SHORTEST].try_into().unwrap();
                finder.begins[usize::from(form[0]) << 8 | usize::from(form[1])] = true;
                finder.by_beginning.entry(beginning).or_default().push(finder.needles.len());
                finder.needles.push((at, name, form));
            }
        }
        finder
    }

    /// What is in a text: which secret, in which form, and what stands before it.
    pub fn find(&self, text: &[u8]) -> Vec<(usize, &'static str, String)> {
        let mut found = Vec::new();
        for (at, window) in text.windows(SHORTEST).enumerate() {
            if !self.begins[usize::from(window[0]) << 8 | usize::from(window[1])] {
                continue;
            }
            let Some(candidates) = self.by_beginning.get(window) else { continue };
            for needle in candidates {
                let (secret, form, bytes) = &self.needles[*needle];
                if text[at..].starts_with(bytes) {
                    let before = String::from_utf8_lossy(&text[at.saturating_sub(160)..at]).into_owned();
                    found.push((*secret, *form, before));
                }
            }
        }
        found
    }
}

#[test]
fn se_2_every_form_is_found() {
    let secret = "s3cr3t value+/=&\"quoted\" and more".as_bytes().to_vec();
    let finder = Finder::new(std::slice::from_ref(&secret));
    let text = String::from_utf8(secret.clone()).unwrap();
    for written in [
        text.clone(),
        hex::encode(&secret),
        format!("{secret:?}"),
        serde_json::to_string(&json_of(&text)).unwrap(),
        STANDARD.encode(&secret),
        STANDARD.encode(format!("client-id:{text}")),
        STANDARD.encode(format!("client:{text}:more")),
        URL_SAFE_NO_PAD.encode(format!("x{text}")),
        url::form_urlencoded::byte_serialize(&secret).collect(),
    ] {
        assert!(!finder.find(format!("something {written} something").as_bytes()).is_empty(), "{written}");
    }
    assert!(finder.find(b"something else of about the same length, s3cr3t value+ but not all of it").is_empty());
}

#[cfg(test)]
fn json_of(text: &str) -> serde_json::Value {
    serde_json::json!({ "text": text })
}
