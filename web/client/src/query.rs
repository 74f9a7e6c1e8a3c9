//! Query strings.

use std::fmt::{Display, Write};

/// A path that grows a query string, everything percent-encoded (RFC 3986).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    text: String,
    parts: usize,
}

impl Query {
    /// Begins with a path, taken as it is.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self { text: path.to_owned(), parts: 0 }
    }

    /// Appends `name=value`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        self.text.push(if self.parts == 0 { '?' } else { '&' });
        self.text.push_str(name);
        self.text.push('=');
        encode(&value.to_string(), &mut self.text);
        self.parts += 1;
        self
    }

    /// Appends `name=value` if there is a value and it is not empty.
    #[must_use]
    pub fn maybe(self, name: &str, value: Option<impl Display>) -> Self {
        match value.map(|v| v.to_string()) {
            Some(value) if !value.is_empty() => self.with(name, value),
            _ => self,
        }
    }

    /// Path and query.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }
}

fn encode(value: &str, out: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_break_out() {
        let text = Query::new("/v1/x").with("cursor", "a&b=c #ü").maybe("q", Some("")).maybe("n", Some(3)).into_text();
        assert_eq!(text, "/v1/x?cursor=a%26b%3Dc%20%23%C3%BC&n=3");
        assert_eq!(Query::new("/v1/x").maybe("q", None::<String>).into_text(), "/v1/x");
    }
}
