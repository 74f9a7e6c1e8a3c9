//! Signature Version 4 of the large cloud provider whose object storage others imitate: a key derived from date, region
//! and service signs method, path, query, headers and the body's hash.

use domain::{manifest::HmacHash, secret::Secret};
use http::{HeaderMap, HeaderName, header::AUTHORIZATION};
use url::Url;

use super::{Moment, NeedsBody, Outgoing, Sign, Unsigned, decoded, digest, pairs, percent};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const CONTENT: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// Headers that the connection or somebody between may still change.
const LEFT_OUT: [&str; 9] = [
    "authorization",
    "user-agent",
    "accept",
    "accept-encoding",
    "content-length",
    "expect",
    "te",
    "traceparent",
    "x-amzn-trace-id",
];

/// The keys, and what they are for.
pub struct SigV4 {
    /// The access key's id.
    pub access_key: Secret,
    /// The secret access key.
    pub secret_key: Secret,
    /// The session token that goes with temporary keys.
    pub session_token: Option<Secret>,
    /// The region, such as `eu-central-1`.
    pub region: String,
    /// The service's name in signatures, such as `execute-api` or `s3`.
    pub service: String,
}

impl SigV4 {
    /// Object storage writes paths encoded once and as they are, and wants the body's hash in a header.
    fn is_object_storage(&self) -> bool {
        matches!(self.service.as_str(), "s3" | "s3express" | "s3-outposts" | "s3-object-lambda")
    }

    fn names_body_hash(&self) -> bool {
        self.is_object_storage() || matches!(self.service.as_str(), "glacier" | "aoss")
    }

    fn signing_key(&self, date: &str) -> Vec<u8> {
        let first = Secret::new(["AWS4", self.secret_key.expose()].concat());
        [date, &self.region, &self.service, "aws4_request"]
            .iter()
            .fold(first.expose().as_bytes().to_vec(), |key, part| digest::hmac(HmacHash::Sha256, &key, part.as_bytes()))
    }

    /// What is signed, and the names of the headers in it.
    fn canonical(&self, request: &Outgoing<'_>, path: &str, body_hash: &str) -> Result<(String, String), Unsigned> {
        let mut headers: Vec<(&str, String)> = vec![("host", request.host())];
        for name in request.headers.keys() {
            if LEFT_OUT.contains(&name.as_str()) {
                continue;
            }
            let mut values = Vec::new();
            for value in request.headers.get_all(name) {
                let value = value.to_str().map_err(|_| Unsigned("a header has other than visible ASCII characters"))?;
                values.push(value.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            headers.push((name.as_str(), values.join(",")));
        }
        headers.sort_unstable();
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let parts = [
            request.method.as_str(),
            &canonical_path(path, self.is_object_storage()),
            &canonical_query(request.url.query().unwrap_or_default()),
            &lines,
            &names,
            body_hash,
        ];
        Ok((parts.join("\n"), names))
    }

    fn sign_path(&self, request: &mut Outgoing<'_>, path: &str, moment: &Moment<'_>) -> Result<(), Unsigned> {
        let time = moment.now.format("%Y%m%dT%H%M%SZ").to_string();
        let date = time.get(..8).unwrap_or_default();
        let body_hash = match request.body {
            Some(body) => hex::encode(digest::sha256(body)),
            None if self.is_object_storage() && request.url.scheme() == "https" => "UNSIGNED-PAYLOAD".to_owned(),
            None => return Err(Unsigned("its body is a stream, and the signature covers the body")),
        };
        request.headers.remove(AUTHORIZATION);
        request.headers.remove(TOKEN);
        request.set(DATE, &time)?;
        if let Some(token) = &self.session_token {
            request.set(TOKEN, token.expose())?;
        }
        if self.names_body_hash() {
            request.set(CONTENT, &body_hash)?;
        }
        let (canonical, names) = self.canonical(request, path, &body_hash)?;
        let scope = [date, &self.region, &self.service, "aws4_request"].join("/");
        let to_sign = [ALGORITHM, &time, &scope, &hex::encode(digest::sha256(canonical.as_bytes()))].join("\n");
        let signature = hex::encode(digest::hmac(HmacHash::Sha256, &self.signing_key(date), to_sign.as_bytes()));
        let key = self.access_key.expose();
        let header = format!("{ALGORITHM} Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}");
        request.set(AUTHORIZATION, &header)
    }
}

impl Sign for SigV4 {
    fn scheme(&self) -> &'static str {
        "sigv4"
    }

    fn needs_body(&self, url: &Url, _headers: &HeaderMap) -> NeedsBody {
        if self.is_object_storage() && url.scheme() == "https" { NeedsBody::UnlessLong } else { NeedsBody::Whole }
    }

    fn sign(&self, request: &mut Outgoing<'_>, moment: &Moment<'_>) -> Result<(), Unsigned> {
        // On the wire as in the signature, so that no other reading of a plus or of a bare character can differ.
        if let Some(query) = request.url.query() {
            let query = strict(query);
            request.url.set_query(Some(&query));
        }
        let path = request.url.path().to_owned();
        self.sign_path(request, &path, moment)
    }
}

/// The query in the encoding of the signature, in its order, with bare names left bare.
fn strict(query: &str) -> String {
    let written = pairs(query).into_iter().map(|(name, value, has_value)| {
        let name = percent(&name);
        if has_value { format!("{name}={}", percent(&value)) } else { name }
    });
    written.collect::<Vec<_>>().join("&")
}

fn canonical_query(query: &str) -> String {
    let mut all: Vec<(String, String)> =
        pairs(query).into_iter().map(|(name, value, _)| (percent(&name), percent(&value))).collect();
    all.sort_unstable();
    all.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Everywhere but in object storage the path as sent is made plain (no dots, no empty segments) and encoded once more.
fn canonical_path(path: &str, is_object_storage: bool) -> String {
    if is_object_storage {
        let segments: Vec<String> = path.split('/').map(|segment| percent(&decoded(segment, false))).collect();
        let path = segments.join("/");
        return if path.is_empty() { "/".into() } else { path };
    }
    let mut kept: Vec<String> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(percent(segment.as_bytes())),
        }
    }
    let ends_open = matches!(path.rsplit('/').next(), Some("" | "." | ".."));
    let end = if ends_open && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}

#[cfg(test)]
#[path = "sigv4_tests.rs"]
mod tests;
