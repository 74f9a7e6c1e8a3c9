//! OAuth 1.0a (RFC 5849 §3): the `Authorization: OAuth` header over method, URL, query and form body.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{
    manifest::{HmacHash, OAuth1Signature},
    secret::Secret,
};
use http::{
    HeaderMap, Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use url::Url;

use super::{Moment, NeedsBody, Outgoing, Sign, Unsigned, digest, pairs, percent, rsa_sha1};

/// The client's and the token's credentials.
pub struct OAuth1 {
    /// The client's identifier.
    pub consumer_key: Secret,
    /// The client's secret; empty where the client signs with a key.
    pub consumer_secret: Secret,
    /// The token and its secret, once there is one.
    pub token: Option<(Secret, Secret)>,
    /// The realm in the header; empty for none.
    pub realm: String,
    /// How it is signed.
    pub signature: OAuth1Signature,
    /// The client's RSA key in PEM, for RSA-SHA1.
    pub client_key: Option<Secret>,
    /// Further protocol parameters: `oauth_callback`, `oauth_verifier`.
    pub protocol: Vec<(String, Secret)>,
}

impl OAuth1 {
    /// The header's value (§3.5.1). Without a version the parameter is left out, which §3.1 allows.
    fn header(
        &self,
        request: &Outgoing<'_>,
        moment: &Moment<'_>,
        nonce: &str,
        version: Option<&str>,
    ) -> Result<String, Unsigned> {
        let timestamp = moment.now.timestamp().to_string();
        let mut protocol: Vec<(&str, &str)> = vec![
            ("oauth_consumer_key", self.consumer_key.expose()),
            ("oauth_nonce", nonce),
            ("oauth_signature_method", name(self.signature)),
            ("oauth_timestamp", &timestamp),
        ];
        protocol.extend(version.map(|version| ("oauth_version", version)));
        protocol.extend(self.token.as_ref().map(|(token, _)| ("oauth_token", token.expose())));
        protocol.extend(self.protocol.iter().map(|(name, value)| (name.as_str(), value.expose())));
        let base = base_string(request, &protocol)?;
        let signature = self.signature_of(request.url, &base, moment)?;
        protocol.push(("oauth_signature", &signature));
        let mut parts = Vec::new();
        if !self.realm.is_empty() {
            if self.realm.contains(['"', '\\']) {
                return Err(Unsigned("the realm has a quotation mark or backslash"));
            }
            parts.push(format!("realm=\"{}\"", self.realm));
        }
        parts.extend(protocol.iter().map(|(name, value)| format!("{name}=\"{}\"", percent(value.as_bytes()))));
        Ok(format!("OAuth {}", parts.join(", ")))
    }

    /// §3.4.2 to §3.4.4.
    fn signature_of(&self, url: &Url, base: &str, moment: &Moment<'_>) -> Result<String, Unsigned> {
        let token_secret = self.token.as_ref().map_or("", |(_, secret)| secret.expose());
        let key = Secret::new(
            [percent(self.consumer_secret.expose().as_bytes()), percent(token_secret.as_bytes())].join("&"),
        );
        let hmac = |hash| STANDARD.encode(digest::hmac(hash, key.expose().as_bytes(), base.as_bytes()));
        match self.signature {
            OAuth1Signature::HmacSha1 => Ok(hmac(HmacHash::Sha1)),
            OAuth1Signature::HmacSha256 => Ok(hmac(HmacHash::Sha256)),
            OAuth1Signature::RsaSha1 => {
                let pem = self.client_key.as_ref().ok_or(Unsigned("RSA-SHA1 needs the client's key"))?;
                Ok(STANDARD.encode(rsa_sha1::sign(pem, base.as_bytes(), moment.entropy)?))
            }
            // The secrets themselves: §3.4.4 allows it over a secure channel alone.
            OAuth1Signature::Plaintext if url.scheme() == "https" => Ok(key.expose().to_owned()),
            OAuth1Signature::Plaintext => Err(Unsigned("PLAINTEXT is for https alone")),
        }
    }
}

impl Sign for OAuth1 {
    fn scheme(&self) -> &'static str {
        "oauth1"
    }

    fn needs_body(&self, _url: &Url, headers: &HeaderMap) -> NeedsBody {
        if is_form(headers) { NeedsBody::Whole } else { NeedsBody::No }
    }

    fn sign(&self, request: &mut Outgoing<'_>, moment: &Moment<'_>) -> Result<(), Unsigned> {
        let header = self.header(request, moment, &moment.nonce(), Some("1.0"))?;
        request.set(AUTHORIZATION, &header)
    }
}

const fn name(signature: OAuth1Signature) -> &'static str {
    match signature {
        OAuth1Signature::HmacSha1 => "HMAC-SHA1",
        OAuth1Signature::HmacSha256 => "HMAC-SHA256",
        OAuth1Signature::RsaSha1 => "RSA-SHA1",
        OAuth1Signature::Plaintext => "PLAINTEXT",
    }
}

/// Whether the body is one form, so that its fields are signed (§3.4.1.3.1).
fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The signature base string (§3.4.1).
fn base_string(request: &Outgoing<'_>, protocol: &[(&str, &str)]) -> Result<String, Unsigned> {
    let mut parameters: Vec<(String, String)> = Vec::new();
    let mut add = |text: &str| {
        parameters.extend(pairs(text).into_iter().map(|(name, value, _)| (percent(&name), percent(&value))));
    };
    add(request.url.query().unwrap_or_default());
    if is_form(request.headers) {
        let form = std::str::from_utf8(request.whole_body()?).map_err(|_| Unsigned("its form is not text"))?;
        add(form);
    }
    parameters.extend(protocol.iter().map(|(name, value)| (percent(name.as_bytes()), percent(value.as_bytes()))));
    parameters.sort_unstable();
    let normalized: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let uri = format!("{}://{}{}", request.url.scheme(), request.host(), request.url.path());
    Ok([method(request.method), percent(uri.as_bytes()), percent(normalized.join("&").as_bytes())].join("&"))
}

fn method(method: &Method) -> String {
    percent(method.as_str().to_ascii_uppercase().as_bytes())
}

#[cfg(test)]
#[path = "oauth1_tests.rs"]
mod tests;
