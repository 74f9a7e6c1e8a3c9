//! What is kept of a delivery until it is processed.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};

/// So many headers are kept.
const MOST_HEADERS: usize = 64;
/// Bytes of a header's value; one that is longer is left out.
const LONGEST_VALUE: usize = 4096;

/// A delivery as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Names in lower case with their values, without those that carry secrets.
    pub headers: Vec<(String, String)>,
    /// The URL's query, as it came.
    pub query: String,
    /// The raw body.
    pub body: Vec<u8>,
}

/// What stands before the body, in one line.
#[derive(Serialize, Deserialize)]
struct Head {
    headers: Vec<(String, String)>,
    query: String,
}

impl Kept {
    /// Of a delivery. `secret_header` is one whose value nobody may read.
    pub(super) fn of(headers: &HeaderMap, secret_header: Option<&str>, query: &str, body: &[u8]) -> Self {
        let is_secret = |name: &HeaderName| {
            [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION].contains(name)
                || secret_header.is_some_and(|secret| name.as_str().eq_ignore_ascii_case(secret))
        };
        let headers = headers
            .iter()
            .filter(|(name, value)| !is_secret(name) && value.len() <= LONGEST_VALUE)
            .take(MOST_HEADERS)
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        Self { headers, query: query.to_owned(), body: body.to_vec() }
    }

    /// As bytes: a line of JSON, then the body.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let head = Head { headers: self.headers.clone(), query: self.query.clone() };
        let mut bytes = serde_json::to_vec(&head).unwrap_or_default();
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Reads what [`Kept::to_bytes`] wrote; `None` for anything else.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (head, body) = bytes.split_at_checked(end)?;
        let Head { headers, query } = serde_json::from_slice(head).ok()?;
        Some(Self { headers, query, body: body.get(1..)?.to_vec() })
    }

    /// The headers for whoever reads places in them.
    pub(super) fn header_map(&self) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let pair = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
            if let Some((name, value)) = pair {
                map.append(name, value);
            }
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_3_a_delivery_is_kept_to_the_byte_without_what_is_secret() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-topic", "orders/made"),
            ("authorization", "Bearer s"),
            ("cookie", "s=1"),
            ("x-token", "shared"),
            ("x-signature", "sha256=ab"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers.append("x-long", HeaderValue::from_str(&"x".repeat(LONGEST_VALUE + 1)).unwrap());
        for body in [&b""[..], b"{\n}\n\n", b"\xff\x00\n"] {
            let kept = Kept::of(&headers, Some("X-Token"), "event=a%20b", body);
            assert_eq!(Kept::from_bytes(&kept.to_bytes()), Some(kept.clone()));
            let names: Vec<_> = kept.headers.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["x-topic", "x-signature"]);
            assert_eq!(kept.header_map().get("x-topic").unwrap(), "orders/made");
        }
        assert_eq!(Kept::from_bytes(b"{}"), None);
        assert_eq!(Kept::from_bytes(b"no\nbody"), None);
    }
}
