//! An HMAC over a text that the manifest makes of the request.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use domain::{
    manifest::{DigestEncoding, HmacHash, Hole, KeyEncoding, Piece, SIGNATURE_HOLE, TextTemplate},
    secret::Secret,
};
use http::{HeaderMap, HeaderName};
use url::Url;

use super::{Moment, NeedsBody, Outgoing, Sign, Unsigned, digest};

/// What is signed with which key, and where the signature goes. Holes that name the request are filled when it leaves; all
/// others are in `values`.
///
/// Parameters and headers whose template does not name `{signature}` are set before the text is made, so `{query}` and
/// `{path}` have them; those that name it are set behind.
pub struct HmacTemplate {
    /// With which hash.
    pub hash: HmacHash,
    /// The key's bytes, see [`key_bytes`].
    pub key: zeroize::Zeroizing<Vec<u8>>,
    /// What is signed.
    pub message: TextTemplate,
    /// How the result is written.
    pub encoding: DigestEncoding,
    /// Headers that are set.
    pub headers: Vec<(HeaderName, TextTemplate)>,
    /// Query parameters that are set.
    pub query: Vec<(String, TextTemplate)>,
    /// The values of all holes that do not name the request.
    pub values: Vec<(Hole, Secret)>,
}

/// The bytes of a key as it is written.
///
/// # Errors
/// [`Unsigned`] for what is not written so.
pub fn key_bytes(key: &Secret, encoding: KeyEncoding) -> Result<zeroize::Zeroizing<Vec<u8>>, Unsigned> {
    let text = key.expose();
    let bytes = match encoding {
        KeyEncoding::Text => Some(text.as_bytes().to_vec()),
        KeyEncoding::Hex => hex::decode(text.trim()).ok(),
        KeyEncoding::Base64 => {
            let bare = text.trim().trim_end_matches('=');
            STANDARD_NO_PAD.decode(bare).or_else(|_| URL_SAFE_NO_PAD.decode(bare)).ok()
        }
    };
    bytes.map(zeroize::Zeroizing::new).ok_or(Unsigned("the key is not written in the encoding that the manifest names"))
}

/// What one signing fixes.
struct Instant<'a> {
    moment: &'a Moment<'a>,
    nonce: String,
    signature: Option<String>,
}

fn names_signature(template: &TextTemplate) -> bool {
    template.holes().any(|hole| hole.name == SIGNATURE_HOLE)
}

impl HmacTemplate {
    fn templates(&self) -> impl Iterator<Item = &TextTemplate> {
        let headers = self.headers.iter().map(|(_, template)| template);
        let query = self.query.iter().map(|(_, template)| template);
        std::iter::once(&self.message).chain(headers).chain(query)
    }

    /// A template's bytes: a body need not be text.
    fn bytes(&self, template: &TextTemplate, request: &Outgoing<'_>, at: &Instant<'_>) -> Result<Vec<u8>, Unsigned> {
        let mut out = Vec::new();
        for piece in template.pieces() {
            match piece {
                Piece::Fixed(fixed) => out.extend_from_slice(fixed.as_bytes()),
                Piece::Hole(hole) => self.fill(hole, request, at, &mut out)?,
            }
        }
        Ok(out)
    }

    fn text(&self, template: &TextTemplate, request: &Outgoing<'_>, at: &Instant<'_>) -> Result<String, Unsigned> {
        String::from_utf8(self.bytes(template, request, at)?)
            .map_err(|_| Unsigned("a body that is not text cannot go into a header"))
    }

    fn fill(&self, hole: &Hole, request: &Outgoing<'_>, at: &Instant<'_>, out: &mut Vec<u8>) -> Result<(), Unsigned> {
        if let Some((_, value)) = self.values.iter().find(|(known, _)| known == hole) {
            out.extend_from_slice(value.expose().as_bytes());
            return Ok(());
        }
        let now = at.moment.now;
        let url: &Url = request.url;
        let text = match hole.name.as_str() {
            "method" => request.method.as_str().to_owned(),
            "path" => url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())),
            "path_only" => url.path().to_owned(),
            "query" => url.query().unwrap_or_default().to_owned(),
            "host" => request.host(),
            "body" => {
                out.extend_from_slice(request.whole_body()?);
                return Ok(());
            }
            "body_sha256" => hex::encode(digest::sha256(request.whole_body()?)),
            "body_sha256_base64" => STANDARD.encode(digest::sha256(request.whole_body()?)),
            "body_sha512" => hex::encode(digest::sha512(request.whole_body()?)),
            "timestamp" => now.timestamp().to_string(),
            "timestamp_ms" => now.timestamp_millis().to_string(),
            "timestamp_iso" => now.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            "date" => now.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
            "nonce" => at.nonce.clone(),
            SIGNATURE_HOLE => at.signature.clone().ok_or(Unsigned("what is signed cannot name the signature"))?,
            _ => return Err(Unsigned("a template of the signature names what is not known")),
        };
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// Sets the headers and parameters that name the signature, or those that do not.
    fn place(&self, request: &mut Outgoing<'_>, at: &Instant<'_>, with_signature: bool) -> Result<(), Unsigned> {
        for (name, template) in self.query.iter().filter(|(_, template)| names_signature(template) == with_signature) {
            let value = self.text(template, request, at)?;
            let others = request.url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
            let mut kept: Vec<String> = others.filter(|pair| !is_named(pair, name)).map(Into::into).collect();
            kept.push(format!("{}={}", super::percent(name.as_bytes()), super::percent(value.as_bytes())));
            request.url.set_query(Some(&kept.join("&")));
        }
        for (name, template) in self.headers.iter().filter(|(_, template)| names_signature(template) == with_signature)
        {
            let value = self.text(template, request, at)?;
            request.set(name.clone(), &value)?;
        }
        Ok(())
    }
}

fn is_named(pair: &str, name: &str) -> bool {
    super::decoded(pair.split('=').next().unwrap_or_default(), true) == name.as_bytes()
}

impl Sign for HmacTemplate {
    fn scheme(&self) -> &'static str {
        "hmac"
    }

    fn needs_body(&self, _url: &Url, _headers: &HeaderMap) -> NeedsBody {
        let names_body = self.templates().flat_map(TextTemplate::holes).any(|hole| hole.name.starts_with("body"));
        if names_body { NeedsBody::Whole } else { NeedsBody::No }
    }

    fn sign(&self, request: &mut Outgoing<'_>, moment: &Moment<'_>) -> Result<(), Unsigned> {
        let mut at = Instant { moment, nonce: moment.nonce(), signature: None };
        self.place(request, &at, false)?;
        let message = self.bytes(&self.message, request, &at)?;
        let signature = digest::hmac(self.hash, &self.key, &message);
        at.signature = Some(match self.encoding {
            DigestEncoding::Hex => hex::encode(signature),
            DigestEncoding::Base64 => STANDARD.encode(signature),
        });
        self.place(request, &at, true)
    }
}

#[cfg(test)]
#[path = "hmac_tests.rs"]
mod tests;
