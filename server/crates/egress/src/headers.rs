//! Which headers belong to one connection only, and which may follow a redirect to another origin.

use http::{
    HeaderMap, HeaderName,
    header::{
        ACCEPT, ACCEPT_LANGUAGE, CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
        TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
    },
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// RFC 9110 §7.6.1, and what old proxies add.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// All that another origin is told about us.
const SAFE_ELSEWHERE: [HeaderName; 3] = [ACCEPT, ACCEPT_LANGUAGE, USER_AGENT];

/// Removes the headers that are meant for the next hop only, those named by `Connection` included.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// What a caller may not say itself: the host follows from the URL, and framing from the body.
pub(crate) fn strip_request(headers: &mut HeaderMap, body_is_known: bool) {
    strip_hop_by_hop(headers);
    headers.remove(HOST);
    if body_is_known {
        headers.remove(CONTENT_LENGTH);
    }
}

/// Keeps only what may be told to another origin.
pub(crate) fn strip_for_other_origin(headers: &mut HeaderMap) {
    let kept: Vec<_> =
        SAFE_ELSEWHERE.iter().filter_map(|name| headers.remove(name).map(|v| (name.clone(), v))).collect();
    headers.clear();
    headers.extend(kept);
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn f_1_connection_headers_stay_on_their_hop() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("connection", "close, X-Private"), ("x-private", "1"), ("te", "trailers"), ("etag", "e")]
        {
            headers.insert(name, HeaderValue::from_static(value));
        }
        strip_hop_by_hop(&mut headers);
        assert_eq!(headers.len(), 1);
        assert!(headers.contains_key("etag"));
    }
}
