//! The HTTP capability: what may be said is checked here, where it may be sent is checked by whoever sends it.

use std::time::Duration;

use async_trait::async_trait;

use super::Guest;

/// A request of a plugin, after checks: the method is in upper case, headers are well formed and none of those that
/// only the host may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// Absolute, or a path below the provider's base URL that begins with `/`.
    pub url: String,
    /// Names in lower case with their values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
}

/// An answer of any status, with reflected credentials masked by whoever fetched it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// Names with their values.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Why there is no answer. The plugin sees the texts: put nothing into them that it may not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpFault {
    /// Not on the manifest's list; the text names the line to add.
    Denied(String),
    /// No answer within the deadline.
    Timeout,
    /// The answer is larger than allowed.
    TooLarge,
    /// The call has used up its requests.
    Exhausted,
    /// Not before this much later.
    Throttled(Duration),
    /// The connection's credential is not usable.
    Unauthorized,
    /// Name resolution, connection or protocol failed.
    Transport(String),
}

/// Sends a plugin's requests. The implementor checks the host against the manifest's list, adds the credential, keeps
/// deadlines and rate budgets, follows redirects by policy and masks the credential in what comes back.
#[async_trait]
pub trait HostHttp: Send {
    /// Sends one request and waits for the whole answer. Dropping the future gives the request up.
    ///
    /// # Errors
    /// As [`HttpFault`] says.
    async fn fetch(&mut self, request: HttpRequest) -> Result<HttpResponse, HttpFault>;
}

/// No HTTP at all, for calls that need none: routing a webhook, classifying an error.
#[derive(Debug, Clone, Copy)]
pub struct NoHttp;

#[async_trait]
impl HostHttp for NoHttp {
    async fn fetch(&mut self, _: HttpRequest) -> Result<HttpResponse, HttpFault> {
        Err(HttpFault::Denied("There is no HTTP in this call.".into()))
    }
}

/// Headers that are the host's to set: credentials, the addressee, and the connection's own (RFC 9110 section 7.6.1).
const DROPPED_FROM_REQUESTS: [&str; 16] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "cookie2",
    "host",
    "content-length",
    "connection",
    "proxy-connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "forwarded",
    "x-forwarded-for",
];
/// Headers that carry credentials back, or belong to the connection.
const DROPPED_FROM_RESPONSES: [&str; 6] =
    ["set-cookie", "set-cookie2", "authorization", "proxy-authenticate", "connection", "transfer-encoding"];
/// Rounded up, so that nobody comes back too early.
pub(crate) fn whole_seconds(wait: Duration) -> u32 {
    let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

const URL_BYTES: usize = 8 << 10;
const HEADERS: usize = 100;
const HEADER_BYTES: usize = 8 << 10;

impl Guest {
    pub(crate) async fn send(&mut self, mut request: HttpRequest) -> Result<HttpResponse, HttpFault> {
        self.usage.http_calls = self.usage.http_calls.saturating_add(1);
        if self.usage.http_calls > self.limits.http_calls {
            return Err(HttpFault::Exhausted);
        }
        tidy(&mut request, self.limits.request_bytes).map_err(HttpFault::Denied)?;
        let mut response = self.capabilities.http.fetch(request).await?;
        if response.body.len() > self.limits.response_bytes {
            return Err(HttpFault::TooLarge);
        }
        for (name, _) in &mut response.headers {
            name.make_ascii_lowercase();
        }
        response.headers.retain(|(name, _)| !DROPPED_FROM_RESPONSES.contains(&name.as_str()));
        Ok(response)
    }
}

/// Brings a request into the form that [`HttpRequest`] promises, or says why it cannot be sent.
fn tidy(request: &mut HttpRequest, body_limit: usize) -> Result<(), String> {
    request.method.make_ascii_uppercase();
    if !is_token(&request.method) || matches!(request.method.as_str(), "CONNECT" | "TRACE") {
        return Err("The method is not one that a plugin may use.".into());
    }
    let printable = request.url.bytes().all(|b| b.is_ascii_graphic());
    if request.url.is_empty() || request.url.len() > URL_BYTES || !printable {
        return Err(format!("The URL is empty, longer than {URL_BYTES} bytes or not percent-encoded."));
    }
    // A path that begins with two slashes would name another host (RFC 3986 section 4.2); a backslash is read as a slash by some.
    if request.url.starts_with("//") || request.url.contains('\\') {
        return Err("The URL must be absolute or a path that begins with one slash.".into());
    }
    for (name, _) in &mut request.headers {
        name.make_ascii_lowercase();
    }
    request.headers.retain(|(name, _)| !DROPPED_FROM_REQUESTS.contains(&name.as_str()));
    if request.headers.len() > HEADERS {
        return Err(format!("There are more than {HEADERS} headers."));
    }
    for (name, value) in &request.headers {
        let sane = value.len() <= HEADER_BYTES && value.bytes().all(|b| b == b'\t' || (b >= b' ' && b != 0x7f));
        if !is_token(name) || !sane {
            return Err(format!("The header `{}` is not well formed.", super::cut(name, 100).escape_debug()));
        }
    }
    if request.body.as_ref().is_some_and(|body| body.len() > body_limit) {
        return Err(format!("The request's body is larger than {body_limit} bytes."));
    }
    Ok(())
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 256
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, headers: &[(&str, &str)]) -> HttpRequest {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        HttpRequest { method: "get".into(), url: url.into(), headers, body: None }
    }

    #[test]
    fn pl_3_credentials_and_hop_by_hop_headers_are_dropped_in_any_case() {
        let mut r = request(
            "/orders",
            &[
                ("Authorization", "Bearer x"),
                ("COOKIE", "a=b"),
                ("Host", "evil"),
                ("Transfer-Encoding", "chunked"),
                ("Accept", "a/b"),
            ],
        );
        tidy(&mut r, 10).unwrap();
        assert_eq!(r.headers, [("accept".to_owned(), "a/b".to_owned())]);
        assert_eq!(r.method, "GET");
    }

    #[test]
    fn pl_2_requests_that_could_be_read_as_another_are_refused() {
        for url in ["", "//evil.example/x", "/a\\b", "/a b", "/a\r\nHost: evil", "https://x\u{e9}.example/"] {
            assert!(tidy(&mut request(url, &[]), 10).is_err(), "{url:?}");
        }
        for header in [("a b", "c"), ("", "c"), ("a", "b\r\nhost: evil"), ("a", "b\0")] {
            assert!(tidy(&mut request("/", &[header]), 10).is_err(), "{header:?}");
        }
        for method in ["", "CONNECT", "trace", "GET /"] {
            let mut r = request("/", &[]);
            r.method = method.into();
            assert!(tidy(&mut r, 10).is_err(), "{method:?}");
        }
        let mut r = request("/", &[]);
        r.body = Some(vec![0; 11]);
        assert!(tidy(&mut r, 10).is_err());
    }
}
