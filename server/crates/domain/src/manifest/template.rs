//! URLs with holes. A hole is filled with a typed value only, and none can lead to a host that the manifest does not
//! name: an origin stands alone at the beginning, a label stands inside a host whose end is fixed, and text is
//! percent-encoded and refused before the path.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use super::{VariableSpec, VariableType};

/// Values of a manifest's variables, by name.
pub type Variables = BTreeMap<String, String>;

/// A URL with `{variable}` holes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Fixed(String),
    Hole(String),
}

/// Why a template or a value for one is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace without its partner, or a name that is none.
    #[error("`{template}` is not a template: write holes as {{name}}, with letters, digits and underscores")]
    Malformed {
        /// The template as written.
        template: String,
    },
    /// The hole has no `[variables.…]` entry.
    #[error("`{{{name}}}` is not declared: add [variables.{name}]")]
    Undeclared {
        /// The hole's name.
        name: String,
    },
    /// The hole stands where its type may not.
    #[error("`{{{name}}}` may not stand there in `{template}`: {rule}")]
    Misplaced {
        /// The template as written.
        template: String,
        /// The hole's name.
        name: String,
        /// What would be allowed.
        rule: &'static str,
    },
    /// No value was given and there is no default.
    #[error("`{name}` is missing")]
    Missing {
        /// The variable's name.
        name: String,
    },
    /// The value is not of the variable's type.
    #[error("`{name}` {rule}")]
    BadValue {
        /// The variable's name.
        name: String,
        /// What it must be.
        rule: String,
    },
    /// What came out is not a URL.
    #[error("`{template}` gives no valid URL")]
    NotAUrl {
        /// The template as written.
        template: String,
    },
}

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(source: String) -> Result<Self, TemplateError> {
        let malformed = || TemplateError::Malformed { template: source.clone() };
        let mut parts = Vec::new();
        let mut rest = source.as_str();
        while let Some((fixed, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}').ok_or_else(malformed)?;
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || fixed.contains('}') {
                return Err(malformed());
            }
            if !fixed.is_empty() {
                parts.push(Part::Fixed(fixed.to_owned()));
            }
            parts.push(Part::Hole(name.to_owned()));
            rest = tail;
        }
        if rest.contains('}') {
            return Err(malformed());
        }
        if !rest.is_empty() {
            parts.push(Part::Fixed(rest.to_owned()));
        }
        Ok(Self { source, parts })
    }
}

impl Template {
    /// The template as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Checks, before any value is known, that no value of the declared types could lead to another host.
    ///
    /// # Errors
    /// The first hole that is undeclared or misplaced.
    pub fn check(&self, specs: &BTreeMap<String, VariableSpec>) -> Result<(), TemplateError> {
        let misplaced =
            |name: &str, rule| TemplateError::Misplaced { template: self.source.clone(), name: name.to_owned(), rule };
        let mut before = String::new();
        for (at, part) in self.parts.iter().enumerate() {
            let name = match part {
                Part::Fixed(text) => {
                    before.push_str(text);
                    continue;
                }
                Part::Hole(name) => name,
            };
            let spec = specs.get(name).ok_or_else(|| TemplateError::Undeclared { name: name.clone() })?;
            let next = self.parts.get(at + 1);
            let path_begun = at > 0 && in_path(&before);
            match spec.kind {
                VariableType::Origin => {
                    let path_follows = match next {
                        None => true,
                        Some(Part::Fixed(text)) => text.starts_with('/'),
                        Some(Part::Hole(_)) => false,
                    };
                    if at != 0 || !path_follows {
                        return Err(misplaced(
                            name,
                            "an origin stands at the beginning, with a path or nothing behind it",
                        ));
                    }
                    before.push_str("https://origin.invalid");
                }
                VariableType::Label => {
                    let dot_follows = matches!(next, Some(Part::Fixed(text)) if fixed_suffix(text));
                    let host_begins = before.ends_with("://") && dot_follows;
                    if !path_begun && !host_begins {
                        return Err(misplaced(
                            name,
                            "a label stands right behind `https://`, with a fixed `.example.com` behind it, or in the path",
                        ));
                    }
                    before.push('x');
                }
                VariableType::Text => {
                    if !path_begun {
                        return Err(misplaced(name, "text stands in the path or the query only"));
                    }
                    before.push('x');
                }
            }
        }
        if matches!(self.parts.first(), Some(Part::Fixed(text)) if !text.starts_with("https://") && !text.starts_with("http://127.0.0.1"))
        {
            return Err(TemplateError::NotAUrl { template: self.source.clone() });
        }
        Ok(())
    }

    /// Fills the holes.
    ///
    /// # Errors
    /// A value is missing, not of its type, or the whole is no URL.
    pub fn url(&self, specs: &BTreeMap<String, VariableSpec>, values: &Variables) -> Result<Url, TemplateError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Fixed(fixed) => text.push_str(fixed),
                Part::Hole(name) => {
                    let spec = specs.get(name).ok_or_else(|| TemplateError::Undeclared { name: name.clone() })?;
                    let value = values
                        .get(name)
                        .or(spec.default.as_ref())
                        .ok_or_else(|| TemplateError::Missing { name: name.clone() })?;
                    text.push_str(&spec.accept(name, value)?);
                }
            }
        }
        Url::parse(&text).map_err(|_| TemplateError::NotAUrl { template: self.source.clone() })
    }
}

impl VariableSpec {
    /// Checks a value and gives the form in which it is put into a URL.
    ///
    /// # Errors
    /// [`TemplateError::BadValue`] with what it must be.
    pub fn accept(&self, name: &str, value: &str) -> Result<String, TemplateError> {
        let bad = |rule: String| TemplateError::BadValue { name: name.to_owned(), rule };
        match self.kind {
            VariableType::Origin => {
                let rule = || {
                    bad(format!("must be an origin such as https://host, with a host among {}", self.allow.join(", ")))
                };
                let url = Url::parse(value).map_err(|_| rule())?;
                let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
                let anonymous = url.username().is_empty() && url.password().is_none();
                let host = url.host_str().ok_or_else(rule)?;
                let allowed = self.allow.iter().any(|pattern| host_matches(pattern, host));
                if !matches!(url.scheme(), "https" | "http") || !bare || !anonymous || !allowed {
                    return Err(rule());
                }
                Ok(url.origin().ascii_serialization())
            }
            VariableType::Label => {
                let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
                if value.is_empty()
                    || value.len() > 63
                    || value.starts_with('-')
                    || value.ends_with('-')
                    || !value.chars().all(inner)
                {
                    return Err(bad("must be a plain name: letters, digits and inner dashes, at most 63".into()));
                }
                Ok(value.to_ascii_lowercase())
            }
            VariableType::Text => {
                if value.is_empty()
                    || value.len() > 512
                    || matches!(value, "." | "..")
                    || value.chars().any(char::is_control)
                {
                    return Err(bad("must be 1 to 512 printable characters".into()));
                }
                Ok(url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>().replace('+', "%20"))
            }
        }
    }
}

/// Whether a host is on a list entry: the same name, or below a `*.` pattern. Case and a trailing dot do not matter.
#[must_use]
pub fn host_matches(pattern: &str, host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    match pattern.strip_prefix("*.") {
        Some(parent) => {
            host.strip_suffix(&parent.to_ascii_lowercase()).is_some_and(|sub| sub.len() > 1 && sub.ends_with('.'))
        }
        None => host == pattern.to_ascii_lowercase(),
    }
}

/// Whether the text so far has reached the path of a URL.
fn in_path(before: &str) -> bool {
    before.split_once("://").is_some_and(|(_, rest)| rest.contains('/'))
}

/// Whether what follows a label pins the host's end: `.example.com` with at least one more dot before the path.
fn fixed_suffix(text: &str) -> bool {
    let host = text.split(['/', '?', '#']).next().unwrap_or_default();
    host.strip_prefix('.').is_some_and(|suffix| suffix.contains('.') && !suffix.contains('@'))
}
