//! What may be shown of an exchange on a terminal: names and shapes, and values that can be no secret.

use http::HeaderMap;
use serde_json::Value;
use url::{Url, form_urlencoded};

/// The longest text that is shown of a body, in characters.
const LONGEST: usize = 1200;

/// Whether something of that name is a secret, whatever it looks like.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = ["token", "secret", "password", "code", "key", "assertion", "signature", "cookie", "session", "jwt"];
    let harmless = ["token_type", "error_code", "code_challenge_method", "country_code", "status_code", "key_id"];
    name == "state"
        || name == "authorization"
        || (words.iter().any(|word| name.contains(word)) && !harmless.contains(&&*name))
}

/// Whether a value looks as if it could be a secret: long, in one piece, and no address or time.
fn is_suspicious(value: &str) -> bool {
    let is_word = value.len() >= 16 && !value.contains(char::is_whitespace);
    let is_address =
        Url::parse(value).is_ok_and(|url| url.has_host() && url.query().is_none() && url.username().is_empty());
    let is_time = value.len() <= 35
        && value.starts_with(|c: char| c.is_ascii_digit())
        && value.contains('T')
        && value.contains(':');
    let is_type = value.len() <= 80 && value.starts_with("application/");
    // Words of protocols: letters with underscores or dashes between them.
    let is_name =
        value.split(['_', '-', '.', ':']).all(|word| word.len() < 16 && word.chars().all(|c| c.is_ascii_lowercase()));
    is_word && !is_address && !is_time && !is_type && !is_name
}

fn masked(name: &str, value: &str) -> String {
    if value.is_empty() || !(is_secret_name(name) || is_suspicious(value)) {
        // A long text may have a secret among its words.
        let words: Vec<String> =
            value.split(' ').map(|word| if is_suspicious(word) { hidden(word) } else { word.to_owned() }).collect();
        return words.join(" ").chars().map(|c| if c.is_control() { '·' } else { c }).collect();
    }
    hidden(value)
}

fn hidden(value: &str) -> String {
    format!("•••({})", value.chars().count())
}

/// A URL with what could be secret in its query and fragment hidden.
pub(super) fn url(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_fragment(None);
    shown.set_query(None);
    let pairs: Vec<String> =
        url.query_pairs().map(|(name, value)| format!("{name}={}", masked(&name, &value))).collect();
    let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
    format!("{shown}{query}")
}

/// Headers, one per line.
pub(super) fn headers(headers: &HeaderMap) -> Vec<String> {
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let value = value.to_str().unwrap_or("…");
        let shown = match (name.as_str(), Url::parse(value)) {
            ("location", Ok(to)) => url(&to),
            // Names of cookies and of a challenge's parts help; their values need not.
            ("set-cookie", _) => format!("{}={}", value.split('=').next().unwrap_or_default(), hidden(value)),
            (name, _) => masked(name, value),
        };
        format!("{name}: {shown}")
    };
    headers.iter().map(line).collect()
}

/// A body: JSON and forms with their names, other text as it is, all with what could be secret hidden.
pub(super) fn body(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else { return format!("({} bytes)", bytes.len()) };
    if let Ok(mut value) = serde_json::from_slice::<Value>(bytes) {
        mask_json("", &mut value, 0);
        return cut(&value.to_string());
    }
    let is_form = text.contains('=') && !text.contains(char::is_whitespace) && !text.trim_start().starts_with('<');
    if is_form {
        let pairs: Vec<String> =
            form_urlencoded::parse(bytes).map(|(name, value)| format!("{name}={}", masked(&name, &value))).collect();
        return cut(&pairs.join("&"));
    }
    // Marks end words too, so that an element's content is looked at by itself.
    let spaced = text.replace('<', " <").replace('>', "> ").replace(['"', '\''], " ");
    cut(&masked("", &spaced))
}

fn mask_json(name: &str, value: &mut Value, depth: usize) {
    if depth > 32 {
        *value = Value::String("…".into());
        return;
    }
    match value {
        Value::String(text) => *text = masked(name, text),
        Value::Array(items) => items.iter_mut().for_each(|item| mask_json(name, item, depth + 1)),
        Value::Object(members) => members.iter_mut().for_each(|(name, member)| mask_json(name, member, depth + 1)),
        Value::Number(number) if is_secret_name(name) => *value = Value::String(hidden(&number.to_string())),
        _ => {}
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    format!("{}… ({} bytes)", text.chars().take(LONGEST).collect::<String>(), text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_shapes_are_shown_and_secrets_are_not() {
        let shown = body(br#"{"access_token": "abc", "data": {"t": "kJ8s7Hq2Lm5Np9Rt"}, "expires_in": 3600, "name": "Tea House", "pin_code": 1234, "at": "2026-11-22T01:02:03Z", "next": "https://a.example/x"}"#);
        assert_eq!(
            shown,
            r#"{"access_token":"•••(3)","data":{"t":"•••(16)"},"expires_in":3600,"name":"Tea House","pin_code":"•••(4)","at":"2026-11-22T01:02:03Z","next":"https://a.example/x"}"#
        );
        let shown = body(
            b"grant_type=authorization_code&code=x&client_secret=s&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcallback",
        );
        assert_eq!(
            shown,
            "grant_type=authorization_code&code=•••(1)&client_secret=•••(1)&redirect_uri=http://127.0.0.1:1/callback"
        );
        let shown = body(b"<r><sid>kJ8s7Hq2Lm5Np9RtkJ8s7Hq2</sid><ok>yes</ok></r>");
        assert!(!shown.contains("kJ8s7") && shown.contains("yes"), "{shown}");
        assert_eq!(body(&[0xff, 0xfe]), "(2 bytes)");
        let shown =
            url(&"https://a.example/x?state=abc&scope=read&sig=kJ8s7Hq2Lm5Np9Rt#access_token=x".parse().unwrap());
        assert_eq!(shown, "https://a.example/x?state=•••(3)&scope=read&sig=•••(16)");
        let mut all = HeaderMap::new();
        all.insert("set-cookie", "sid=kJ8s; Path=/".parse().unwrap());
        all.insert("location", "https://a.example/?code=kJ8s".parse().unwrap());
        all.insert("x-plan", "gold".parse().unwrap());
        let shown = headers(&all).join("\n");
        assert!(!shown.contains("kJ8s") && shown.contains("x-plan: gold"), "{shown}");
    }
}
