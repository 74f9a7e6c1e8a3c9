//! Handshakes: the provider finds out whether anybody listens before it delivers anything.
//!
//! What is sent back is what somebody else wrote. So it is short, and of characters that mean nothing to whoever shows it.

use domain::manifest::WebhookSpec;
use http::HeaderMap;
use serde_json::{Map, Value};
use url::Url;

use super::ReceiveError;

/// The longest text that is sent back, in bytes.
const LONGEST: usize = 1024;
/// A request with more bytes than this is none: one that comes unsigned is read before anything is known of it.
const MOST_BODY: usize = 16 << 10;

/// What is sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandshakeAnswer {
    /// `text/plain` or `application/json`; never anything that is shown as a page.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

/// What a request is answered with if it is a handshake; `None` if it is not.
pub(super) fn answer(
    spec: &WebhookSpec,
    headers: &HeaderMap,
    body: &[u8],
    url: &Url,
) -> Result<Option<HandshakeAnswer>, ReceiveError> {
    let Some(handshake) = spec.handshake.as_ref().filter(|_| body.len() <= MOST_BODY) else { return Ok(None) };
    let at = auth::webhook::reader(spec, headers, body, url);
    if !handshake.is_one(&at) {
        return Ok(None);
    }
    let text = at(&handshake.answer).ok_or(ReceiveError::OddHandshake)?;
    if text.len() > LONGEST || !text.chars().all(is_harmless) {
        return Err(ReceiveError::OddHandshake);
    }
    Ok(Some(match &handshake.member {
        None => HandshakeAnswer { content_type: "text/plain; charset=utf-8", body: text },
        Some(member) => {
            let members = Map::from_iter([(member.clone(), Value::String(text))]);
            HandshakeAnswer { content_type: "application/json", body: Value::Object(members).to_string() }
        }
    }))
}

/// Whether a character is part of no markup, no script and no escape.
fn is_harmless(c: char) -> bool {
    c.is_ascii_alphanumeric() || " -_.~+/=:,".contains(c)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(handshake: &Value) -> WebhookSpec {
        let spec = json!({ "scheme": "hmac", "header": "x-sign", "hash": "sha256", "handshake": handshake });
        serde_json::from_value(spec).unwrap()
    }

    fn asked(handshake: &Value, query: &str, body: &str) -> Result<Option<HandshakeAnswer>, ReceiveError> {
        let mut url = Url::parse("https://hooks.example/inbound/x").unwrap();
        url.set_query((!query.is_empty()).then_some(query));
        answer(&spec(handshake), &HeaderMap::new(), body.as_bytes(), &url)
    }

    fn by_body() -> Value {
        json!({ "when": "body.type", "is": ["url_verification"], "answer": "body.challenge" })
    }

    #[test]
    fn f_3_a_handshake_is_answered_with_what_it_holds() {
        let body = json!({ "type": "url_verification", "token": "t", "challenge": "3eZbrw1aBm_2-.~+/=" }).to_string();
        let plain = |text: &str| HandshakeAnswer { content_type: "text/plain; charset=utf-8", body: text.to_owned() };
        assert_eq!(asked(&by_body(), "", &body).unwrap(), Some(plain("3eZbrw1aBm_2-.~+/=")));
        let by_query = json!({ "answer": "query.hub.challenge", "unsigned": true });
        assert_eq!(
            asked(&by_query, "hub.mode=subscribe&hub.challenge=1158201444", "").unwrap(),
            Some(plain("1158201444"))
        );
        let spoken = "Validation:+Testing+reachability,+Request-Id:%204f-1";
        let answered = asked(&by_query, &format!("hub.challenge={spoken}"), "").unwrap();
        assert_eq!(answered, Some(plain("Validation: Testing reachability, Request-Id: 4f-1")));
        let member = json!({ "answer": "body.challenge", "member": "hookResponse" });
        let answered = asked(&member, "", "{\"challenge\":\"a b\"}").unwrap().unwrap();
        assert_eq!((answered.content_type, answered.body.as_str()), ("application/json", "{\"hookResponse\":\"a b\"}"));
    }

    #[test]
    fn f_3_what_is_no_handshake_is_none() {
        for (query, body) in [
            ("", "{\"type\":\"event_callback\",\"challenge\":\"a\"}"),
            ("", "{\"challenge\":\"a\"}"),
            ("type=url_verification&challenge=a", "{}"),
            ("", ""),
            ("", "[]"),
        ] {
            assert_eq!(asked(&by_body(), query, body).unwrap(), None, "{query} {body}");
        }
        let large = json!({ "type": "url_verification", "challenge": "a", "more": "x".repeat(MOST_BODY) }).to_string();
        assert_eq!(asked(&by_body(), "", &large).unwrap(), None, "it is too large to be one");
        let none = spec(&Value::Null);
        let url = Url::parse("https://hooks.example/inbound/x?challenge=a").unwrap();
        assert_eq!(answer(&none, &HeaderMap::new(), b"", &url).unwrap(), None);
    }

    #[test]
    fn f_3_what_could_be_more_than_a_text_is_never_sent_back() {
        let long = "x".repeat(LONGEST + 1);
        for challenge in [
            "<script>alert(1)</script>",
            "a&b",
            "a\"b",
            "a'b",
            "a`b",
            "a\\u003cb",
            "a\nb",
            "a\r\nset-cookie: b",
            "a\tb",
            "a\0b",
            "a\u{1b}[2J",
            "caf\u{e9}",
            "a\u{202e}b",
            "{a}",
            "a%3Cb",
            long.as_str(),
        ] {
            let body = json!({ "type": "url_verification", "challenge": challenge }).to_string();
            let refused = asked(&by_body(), "", &body);
            assert!(matches!(refused, Err(ReceiveError::OddHandshake)), "{challenge:?}: {refused:?}");
        }
        for body in [json!({ "type": "url_verification" }), json!({ "type": "url_verification", "challenge": ["a"] })] {
            let refused = asked(&by_body(), "", &body.to_string());
            assert!(matches!(refused, Err(ReceiveError::OddHandshake)), "{body}: {refused:?}");
        }
        let full = "x".repeat(LONGEST);
        let body = json!({ "type": "url_verification", "challenge": full }).to_string();
        assert!(asked(&by_body(), "", &body).unwrap().is_some());
    }
}
