//! What a server answers to a call without a credential: its challenge (RFC 9110 §11.6.1, RFC 9728 §5.1).

use std::time::Duration;

use egress::{Reach, Request};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use url::Url;

use crate::{account::Outside, answer::Refusal, failure::Failure, refused};

/// Longest wait for the head of the answer.
const DEADLINE: Duration = Duration::from_secs(20);
/// The first thing that a client of that version asks of a server.
const DISCOVER: &str = r#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"patchbay","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;
const VERSION: &str = "2026-07-28";

/// What the challenge says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Challenge {
    /// Where the server's metadata is.
    pub(super) metadata: Option<String>,
    /// The scopes that the call would need.
    pub(super) scopes: Option<Vec<String>>,
}

/// Calls the server without a credential. A server that does not answer 401 has said nothing.
pub(super) async fn of(out: Outside<'_>, server: &Url) -> Result<Challenge, Failure> {
    let mut request = Request::new(Method::POST, server.clone(), Reach::hosts_of([server]))
        .header(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"))
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header(HeaderName::from_static("mcp-protocol-version"), HeaderValue::from_static(VERSION))
        .header(HeaderName::from_static("mcp-method"), HeaderValue::from_static("server/discover"))
        .body(DISCOVER.to_owned());
    request.deadline = Some(DEADLINE);
    // The head is enough: the body may be a stream without end.
    let answer = out.egress.stream(request).await?;
    match answer.status {
        StatusCode::UNAUTHORIZED => Ok(read(&answer.headers)),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            let refusal = Refusal { code: format!("status_{}", status.as_u16()), description: None };
            Err(refused::sort(status, answer.retry_after, refusal))
        }
        _ => Ok(Challenge::default()),
    }
}

/// The bearer challenge among those of an answer.
fn read(headers: &HeaderMap) -> Challenge {
    let mut challenge = Challenge::default();
    for value in headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()) {
        for (scheme, name, value) in parameters(value) {
            if !scheme.eq_ignore_ascii_case("bearer") && !scheme.eq_ignore_ascii_case("dpop") {
                continue;
            }
            if name.eq_ignore_ascii_case("resource_metadata") {
                challenge.metadata.get_or_insert(value);
            } else if name.eq_ignore_ascii_case("scope") {
                let scopes: Vec<String> = value.split_whitespace().map(Into::into).collect();
                if !scopes.is_empty() {
                    challenge.scopes.get_or_insert(scopes);
                }
            }
        }
    }
    challenge
}

/// The parameters of a header with one or more challenges, each with the scheme that it belongs to. What cannot be read
/// ends the reading.
fn parameters(header: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut scheme = String::new();
    let mut rest = header.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !is_token(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            break;
        }
        let behind = after.trim_start_matches([' ', '\t']);
        // A name is followed by an equals sign and its value; a scheme by anything else.
        let value = behind.strip_prefix('=').map(|value| value.trim_start_matches([' ', '\t']));
        rest = match value {
            Some(value) if !scheme.is_empty() => {
                let (value, after) = one_value(value);
                found.push((scheme.clone(), word.to_owned(), value));
                after
            }
            Some(_) => break,
            None => {
                word.clone_into(&mut scheme);
                behind
            }
        };
        rest = rest.trim_start_matches([' ', '\t', ',']);
    }
    found
}

/// A value, bare or quoted, and what stands behind it.
fn one_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (value, quoted.get(at + 1..).unwrap_or_default()),
            '\\' => value.extend(chars.next().map(|(_, char)| char)),
            char => value.push(char),
        }
    }
    (value, "")
}

/// RFC 9110 §5.6.2.
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn challenge(headers: &[&str]) -> Challenge {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(WWW_AUTHENTICATE, header.parse().unwrap());
        }
        read(&map)
    }

    #[test]
    fn a_10_challenges_are_read() {
        let url = "https://m.example/.well-known/oauth-protected-resource";
        let full = Challenge { metadata: Some(url.into()), scopes: Some(vec!["a".into(), "b:c".into()]) };
        for headers in [
            &[format!("Bearer resource_metadata=\"{url}\", scope=\"a b:c\"").as_str()][..],
            &[format!("bearer error=\"x\\\"y, scope=no\" , scope = \"a  b:c\",Resource_Metadata={url}").as_str()],
            &[
                "Basic realm=\"r\", scope=\"z\"",
                format!("Bearer scope=\"a b:c\", resource_metadata=\"{url}\"").as_str(),
            ],
            &[format!("Basic realm=\"r\", Bearer scope=\"a b:c\", resource_metadata=\"{url}\"").as_str()],
            &[format!("DPoP algs=\"ES256\", scope=\"a b:c\", resource_metadata=\"{url}\"").as_str()],
        ] {
            assert_eq!(challenge(headers), full, "{headers:?}");
        }
        for headers in
            [&["Bearer"][..], &[""], &["Basic scope=\"z\""], &["="], &["Bearer scope=\"\""], &["scope=\"a\""]]
        {
            assert_eq!(challenge(headers), Challenge::default(), "{headers:?}");
        }
    }

    proptest! {
        #[test]
        fn sv_7_no_challenge_panics(header in "(Bearer |Basic |scope=|resource_metadata=|\"|\\\\|,|=|.){0,12}") {
            let _ = parameters(&header);
        }
    }
}
