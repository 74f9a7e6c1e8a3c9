//! URLs with holes. A hole is filled with a typed value only, and none can lead to a host that the manifest does not
//! name: an origin stands alone at the beginning, a label stands inside a host whose end is fixed, and text is
//! percent-encoded and refused before the path.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use super::{
    Named, VariableSpec, VariableType,
    host::{HostCheck, LABEL_RULE},
    text::Hole,
    value::accept_text,
};

/// Values of a manifest's variables, by name.
pub type Variables = BTreeMap<String, String>;

/// A URL with `{variable}` and `{variable.group}` holes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template {
    source: Box<str>,
    parts: Box<[Part]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Fixed(Box<str>),
    Hole(Hole),
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
    /// It begins with a scheme that is not taken.
    #[error("`{template}` does not begin with https://: nothing is sent unencrypted, so only https is taken")]
    NotHttps {
        /// The template as written.
        template: String,
    },
    /// What came out is not a URL.
    #[error("`{template}` gives no valid URL")]
    NotAUrl {
        /// The template as written.
        template: String,
    },
}

/// Whether a URL begins with a scheme, and not with https nor, for development, with this machine itself.
fn is_other_scheme(text: &str) -> bool {
    let behind = text.split_once("://").map(|(scheme, rest)| (scheme, rest.starts_with("127.0.0.1")));
    behind.is_some_and(|(scheme, is_loopback)| scheme != "https" && !(scheme == "http" && is_loopback))
}

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(source: String) -> Result<Self, TemplateError> {
        let malformed = || TemplateError::Malformed { template: source.clone() };
        let mut parts = Vec::new();
        let mut rest = source.as_str();
        while let Some((fixed, after)) = rest.split_once('{') {
            let (inside, tail) = after.split_once('}').ok_or_else(malformed)?;
            let hole = Hole::read(inside).filter(|_| !fixed.contains('}')).ok_or_else(malformed)?;
            if !fixed.is_empty() {
                parts.push(Part::Fixed(fixed.into()));
            }
            parts.push(Part::Hole(hole));
            rest = tail;
        }
        if rest.contains('}') {
            return Err(malformed());
        }
        if !rest.is_empty() {
            parts.push(Part::Fixed(rest.into()));
        }
        Ok(Self { source: source.into(), parts: parts.into() })
    }
}

impl Template {
    /// The template as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it is a path below the API's base URL.
    #[must_use]
    pub fn is_path(&self) -> bool {
        self.source.starts_with('/')
    }

    /// What its holes name, in order.
    pub fn holes(&self) -> impl Iterator<Item = &str> {
        self.hole_parts().map(|hole| hole.name.as_str())
    }

    /// Fixed texts and holes, in order.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Its holes, in order.
    pub(super) fn hole_parts(&self) -> impl Iterator<Item = &Hole> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hole(hole) => Some(hole),
            Part::Fixed(_) => None,
        })
    }

    /// Checks, before any value is known, that no value of the declared types could lead to another host.
    ///
    /// # Errors
    /// The first hole that is undeclared or misplaced.
    pub fn check(&self, specs: &Named<VariableSpec>) -> Result<(), TemplateError> {
        self.check_with(specs, &[])
    }

    /// As [`Template::check`], with further names that are known where the template stands; they are text.
    pub(super) fn check_with(&self, specs: &Named<VariableSpec>, known: &[&str]) -> Result<(), TemplateError> {
        let no_url = || TemplateError::NotAUrl { template: self.source.to_string() };
        // The parser of URLs drops or turns round some of these, and a fragment is never sent.
        if self.source.contains(|c: char| !c.is_ascii_graphic() || matches!(c, '\\' | '#')) {
            return Err(no_url());
        }
        let mut host = HostCheck::new(&self.source);
        for (at, part) in self.parts.iter().enumerate() {
            match part {
                Part::Fixed(text) if at == 0 && is_other_scheme(text) => {
                    return Err(TemplateError::NotHttps { template: self.source.to_string() });
                }
                Part::Fixed(text) if at == 0 => host.begin(text).ok_or_else(no_url)?,
                Part::Fixed(text) => host.fixed(text),
                Part::Hole(hole) => {
                    let name = &hole.name;
                    let kind = match specs.get(name) {
                        // A part of a value is text, whatever the whole is, but a part of a secret may be all of it.
                        Some(spec) if hole.group.is_some() && spec.kind != VariableType::Secret => VariableType::Text,
                        Some(spec) => spec.kind,
                        None if known.contains(&name.as_str()) => VariableType::Text,
                        None => return Err(TemplateError::Undeclared { name: name.clone() }),
                    };
                    let rule = host.hole(kind, specs.get(name), at == 0, self.parts.get(at + 1));
                    if let Some(rule) = rule {
                        let (template, name) = (self.source.to_string(), name.clone());
                        return Err(TemplateError::Misplaced { template, name, rule });
                    }
                }
            }
        }
        host.end().map_err(|name| match name {
            Some(name) => TemplateError::Misplaced { template: self.source.to_string(), name, rule: LABEL_RULE },
            None => no_url(),
        })
    }

    /// Fills the holes.
    ///
    /// # Errors
    /// A value is missing, not of its type, or the whole is no URL.
    pub fn url(&self, specs: &Named<VariableSpec>, values: &Variables) -> Result<Url, TemplateError> {
        let text = self.fill(specs, values)?;
        Url::parse(&text).map_err(|_| TemplateError::NotAUrl { template: self.source.to_string() })
    }

    /// Fills the holes; a path is put behind `base`'s.
    ///
    /// # Errors
    /// As [`Template::url`].
    pub fn url_below(&self, base: &Url, specs: &Named<VariableSpec>, values: &Variables) -> Result<Url, TemplateError> {
        if !self.is_path() {
            return self.url(specs, values);
        }
        let front = base.as_str().split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let text = [front, &self.fill(specs, values)?].concat();
        let url = Url::parse(&text).map_err(|_| TemplateError::NotAUrl { template: self.source.to_string() })?;
        if url.origin() != base.origin() {
            return Err(TemplateError::NotAUrl { template: self.source.to_string() });
        }
        Ok(url)
    }

    fn fill(&self, specs: &Named<VariableSpec>, values: &Variables) -> Result<String, TemplateError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Fixed(fixed) => text.push_str(fixed),
                Part::Hole(Hole { name, group }) => {
                    let spec = specs.get(name);
                    let default = spec.and_then(|spec| spec.default.as_ref());
                    let value = values.get(name).or(default);
                    let value = value.ok_or_else(|| TemplateError::Missing { name: name.clone() })?;
                    match (spec, group) {
                        (Some(spec), None) => text.push_str(&spec.accept(name, value)?),
                        (Some(spec), Some(group)) => {
                            spec.accept(name, value)?;
                            let rule = format!("has no part `{group}`");
                            let part = spec.group(&spec.complete(value), group);
                            let part = part.ok_or(TemplateError::BadValue { name: name.clone(), rule })?;
                            text.push_str(&accept_text(name, &part)?);
                        }
                        // Known to the flow, such as `{installation_id}`; the check let it stand in a path only.
                        (None, _) => text.push_str(&accept_text(name, value)?),
                    }
                }
            }
        }
        Ok(text)
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

impl schemars::JsonSchema for Template {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "UrlTemplate".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "An https URL, or a path below api.base_url where a call is meant, with {variable} holes. No value can lead to another host.",
        })
    }
}
