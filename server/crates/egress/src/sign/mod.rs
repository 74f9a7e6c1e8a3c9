//! Signatures over a request, made when it is final and about to leave: nobody above holds the signing keys in a header.
//! Each hop of a redirect is signed anew.

mod digest;
pub mod hmac;
pub mod oauth1;
mod rsa_sha1;
pub mod sigv4;
pub mod wsse;

use chrono::{DateTime, Utc};
use domain::entropy::{self, Entropy};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use url::Url;

pub use digest::hmac_key;
pub use hmac::HmacTemplate;
pub use oauth1::OAuth1;
pub use sigv4::SigV4;
pub use wsse::Wsse;

/// A way of signing. Whoever implements it may change headers and query; the body stays as it is.
pub trait Sign: Send + Sync + 'static {
    /// A short name for logs.
    fn scheme(&self) -> &'static str;

    /// Whether the body must be in memory for it.
    fn needs_body(&self, url: &Url, headers: &HeaderMap) -> NeedsBody;

    /// Signs.
    ///
    /// # Errors
    /// [`Unsigned`] where it cannot be done; then nothing is sent.
    fn sign(&self, request: &mut Outgoing<'_>, moment: &Moment<'_>) -> Result<(), Unsigned>;

    /// Whether [`Sign::seen`] may ever ask for another signature: the request is kept until its answer is there.
    fn may_ask_again(&self) -> bool {
        false
    }

    /// Looks at the head of an answer. `true` asks for the request to be sent once more, signed anew; that is done once,
    /// and not with a body that has streamed past.
    fn seen(&self, _status: StatusCode, _headers: &HeaderMap) -> bool {
        false
    }
}

/// How much of a body a signature covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeedsBody {
    /// Nothing of it.
    No,
    /// All of it: a stream is collected first.
    Whole,
    /// All of it, but the scheme has a way to leave out one that is too long to be collected.
    UnlessLong,
}

/// A request with everything on it but the signature.
pub struct Outgoing<'a> {
    /// The method.
    pub method: &'a Method,
    /// The final URL. A signature may add parameters or write the same ones in another encoding.
    pub url: &'a mut Url,
    /// The final headers, without those that the connection adds (`Host`, `Content-Length`).
    pub headers: &'a mut HeaderMap,
    /// The body; `None` for one that streams past.
    pub body: Option<&'a [u8]>,
}

/// When it is signed, and with which randomness.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// The time now.
    pub now: DateTime<Utc>,
    /// Where nonces come from.
    pub entropy: &'a dyn Entropy,
}

/// Why a request cannot be signed. The text holds no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsigned(pub &'static str);

impl Moment<'_> {
    /// 16 random bytes in hexadecimal.
    fn nonce(&self) -> String {
        hex::encode(entropy::bytes::<16>(self.entropy))
    }
}

impl Outgoing<'_> {
    /// The host as the `Host` header will have it: with the port where it is not the scheme's own.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The body of which the signature needs every byte.
    fn whole_body(&self) -> Result<&[u8], Unsigned> {
        self.body.ok_or(Unsigned("its body is a stream, and the signature covers the body"))
    }

    fn set(&mut self, name: HeaderName, value: &str) -> Result<(), Unsigned> {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| Unsigned("a value of the signature does not fit into a header"))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(())
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters, as every one of these schemes asks (RFC 5849 §3.6).
fn percent(bytes: &[u8]) -> String {
    crate::mask::percent(bytes, true)
}

/// The pairs of a query or form, decoded, in order; with whether there was an equals sign.
fn pairs(text: &str) -> Vec<(Vec<u8>, Vec<u8>, bool)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value, has_value) = match pair.split_once('=') {
                Some((name, value)) => (name, value, true),
                None => (pair, "", false),
            };
            (decoded(name, true), decoded(value, true), has_value)
        })
        .collect()
}

/// Undoes percent-encoding; in queries and forms a plus is a space. What is no encoding stays as it is.
fn decoded(text: &str, plus_is_space: bool) -> Vec<u8> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|digit| char::from(*digit).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let pair = if *byte == b'%' { digit(at + 1).zip(digit(at + 2)) } else { None };
        match pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 2;
            }
            None if *byte == b'+' && plus_is_space => out.push(b' '),
            None => out.push(*byte),
        }
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives sevens.
    pub(super) struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    pub(super) fn moment(now: DateTime<Utc>, entropy: &Fixed) -> Moment<'_> {
        Moment { now, entropy }
    }

    #[test]
    fn a_9_decoding_leaves_alone_what_is_no_encoding() {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        assert_eq!(text(decoded("a%20b+c%2bd%zz%4", true)), "a b c+d%zz%4");
        assert_eq!(text(decoded("a+b", false)), "a+b");
        let read = pairs("a=1&&b&=c&d==");
        let shown: Vec<_> = read.into_iter().map(|(n, v, has)| (text(n), text(v), has)).collect();
        let of = |n: &str, v: &str, has| (n.to_owned(), v.to_owned(), has);
        assert_eq!(shown, [of("a", "1", true), of("b", "", false), of("", "c", true), of("d", "=", true)]);
    }
}
