//! Values of variables: which are accepted, and how they are put into a URL.

use url::Url;

use super::{VariableSpec, VariableType, host_matches, template::TemplateError, variable::compiled};

/// The longest secret, in bytes: private keys and certificates are several kB.
const LONGEST_SECRET: usize = 16 * 1024;
/// The longest other value, in bytes.
const LONGEST_TEXT: usize = 512;

impl VariableSpec {
    /// The value as it is kept and sent: what was typed, without blanks around it, with the variable's prefix and suffix.
    /// Doing it twice changes nothing.
    #[must_use]
    pub fn complete(&self, typed: &str) -> String {
        // A private key's last line ends with a line break that some readers want.
        let bare = if self.multiline { typed } else { typed.trim() };
        if bare.is_empty() {
            return String::new();
        }
        let prefix = if bare.starts_with(&self.prefix) { "" } else { &self.prefix };
        let suffix = if bare.ends_with(&self.suffix) { "" } else { &self.suffix };
        [prefix, bare, suffix].concat()
    }

    /// Checks a value, [completed](Self::complete), and gives the form in which it is put into a URL; for a secret, which
    /// never is, the value.
    ///
    /// # Errors
    /// [`TemplateError::BadValue`] with what it must be.
    pub fn accept(&self, name: &str, value: &str) -> Result<String, TemplateError> {
        let bad = |rule: String| TemplateError::BadValue { name: name.to_owned(), rule };
        let value = &self.complete(value);
        if let Some(pattern) = &self.pattern {
            let pattern = compiled(pattern).map_err(|_| bad("has a pattern that cannot be read".into()))?;
            if value.len() > LONGEST_SECRET || !pattern.is_match(value) {
                let example = self.placeholder.as_ref().map(|text| format!(", such as {text}")).unwrap_or_default();
                return Err(bad(format!("does not look right: it must be as the provider writes it{example}")));
            }
        }
        match self.kind {
            VariableType::Origin => {
                let rule = || {
                    bad(format!("must be an origin such as https://host, with a host among {}", self.allow.join(", ")))
                };
                let url = Url::parse(value).map_err(|_| rule())?;
                let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
                let anonymous = url.username().is_empty() && url.password().is_none();
                let host = url.host_str().ok_or_else(rule)?;
                let allowed = self.allow.iter().any(|pattern| pattern == "*" || host_matches(pattern, host));
                // In the clear to this machine alone, where nobody listens in; the outbound client has the last word.
                let loopback = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
                let scheme_ok = url.scheme() == "https" || (url.scheme() == "http" && loopback);
                if !scheme_ok || !bare || !anonymous || !allowed {
                    return Err(rule());
                }
                Ok(url.origin().ascii_serialization())
            }
            VariableType::Choice => {
                if !self.options.contains_key(value) {
                    let known: Vec<&str> = self.options.keys().map(String::as_str).collect();
                    return Err(bad(format!("must be one of {}", known.join(", "))));
                }
                Ok(value.to_owned())
            }
            VariableType::Secret => {
                let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
                if value.is_empty() || value.len() > LONGEST_SECRET || value.chars().any(odd) {
                    return Err(bad(format!("must be 1 to {LONGEST_SECRET} printable characters")));
                }
                Ok(value.to_owned())
            }
            VariableType::Label => {
                let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
                let edges = !value.starts_with('-') && !value.ends_with('-');
                if value.is_empty() || value.len() > 63 || !edges || !value.chars().all(inner) {
                    return Err(bad("must be a plain name: letters, digits and inner dashes, at most 63".into()));
                }
                Ok(value.to_ascii_lowercase())
            }
            VariableType::Text if self.multiline => {
                let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
                if value.is_empty() || value.len() > LONGEST_SECRET || value.chars().any(odd) {
                    return Err(bad(format!("must be 1 to {LONGEST_SECRET} printable characters")));
                }
                Ok(encoded(value))
            }
            VariableType::Text => accept_text(name, value),
        }
    }
}

/// Checks text and percent-encodes it for a path or a query.
pub(super) fn accept_text(name: &str, value: &str) -> Result<String, TemplateError> {
    let is_dots = matches!(value, "." | "..");
    if value.is_empty() || value.len() > LONGEST_TEXT || is_dots || value.chars().any(char::is_control) {
        let rule = format!("must be 1 to {LONGEST_TEXT} printable characters");
        return Err(TemplateError::BadValue { name: name.to_owned(), rule });
    }
    Ok(encoded(value))
}

fn encoded(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>().replace('+', "%20")
}
