//! Texts with holes: header values, body fields, claims. Unlike a URL's, their holes may name secrets and what a flow
//! knows (`{access_token}`, `{client_id}`, `{jwt}`); what is allowed where is checked at load.

use serde::Deserialize;

use super::template::TemplateError;
use crate::secret::Secret;

/// A text with `{name}` and `{name.group}` holes. A brace itself is written twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TextTemplate(Option<Box<Text>>);

/// A text that is not empty. Behind a pointer, for there are many places in a manifest where a text may stand, and few
/// where one does.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Text {
    source: Box<str>,
    parts: Box<[Part]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Fixed(Box<str>),
    Hole(Hole),
}

/// A hole of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// What it names.
    pub name: String,
    /// The group of that variable's pattern, if only a part of the value is meant.
    pub group: Option<String>,
}

/// A piece of a text, as seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text that is always the same.
    Fixed(&'a str),
    /// A hole.
    Hole(&'a Hole),
}

impl Hole {
    /// What stands between the braces: a name, or a variable's and a group's with a dot between.
    pub(super) fn read(inside: &str) -> Option<Self> {
        let is_name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let (name, group) = match inside.split_once('.') {
            Some((name, group)) => (name, Some(group)),
            None => (inside, None),
        };
        let is_hole = is_name(name) && group.is_none_or(is_name);
        is_hole.then(|| Self { name: name.to_owned(), group: group.map(Into::into) })
    }
}

impl TryFrom<String> for TextTemplate {
    type Error = TemplateError;

    fn try_from(source: String) -> Result<Self, TemplateError> {
        let malformed = || TemplateError::Malformed { template: source.clone() };
        let mut parts = Vec::new();
        let mut fixed = String::new();
        let mut rest = source.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            fixed.push_str(before);
            if let Some(after) = brace.strip_prefix("{{") {
                fixed.push('{');
                rest = after;
            } else if let Some(after) = brace.strip_prefix("}}") {
                fixed.push('}');
                rest = after;
            } else {
                let (inside, after) =
                    brace.strip_prefix('{').and_then(|inside| inside.split_once('}')).ok_or_else(malformed)?;
                let hole = Hole::read(inside).ok_or_else(malformed)?;
                if !fixed.is_empty() {
                    parts.push(Part::Fixed(std::mem::take(&mut fixed).into()));
                }
                parts.push(Part::Hole(hole));
                rest = after;
            }
        }
        fixed.push_str(rest);
        if !fixed.is_empty() {
            parts.push(Part::Fixed(fixed.into()));
        }
        let text = || Box::new(Text { source: source.as_str().into(), parts: parts.into() });
        Ok(Self((!source.is_empty()).then(text)))
    }
}

impl TextTemplate {
    fn parts(&self) -> &[Part] {
        self.0.as_ref().map_or(&[], |text| &text.parts)
    }

    /// The template as written.
    #[must_use]
    pub fn source(&self) -> &str {
        self.0.as_ref().map_or("", |text| &text.source)
    }

    /// Whether nothing is written at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Its holes, in order.
    pub fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.parts().iter().filter_map(|part| match part {
            Part::Hole(hole) => Some(hole),
            Part::Fixed(_) => None,
        })
    }

    /// Its pieces, in order: for texts that are filled with what is no text, such as the bytes of a body.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        self.parts().iter().map(|part| match part {
            Part::Fixed(fixed) => Piece::Fixed(fixed),
            Part::Hole(hole) => Piece::Hole(hole),
        })
    }

    /// Its fixed texts, in order.
    pub fn fixed(&self) -> impl Iterator<Item = &str> {
        self.parts().iter().filter_map(|part| match part {
            Part::Fixed(text) => Some(text.as_ref()),
            Part::Hole(_) => None,
        })
    }

    /// Fills the holes. `fill` gives each one's value in the form that the place needs; an error of it ends the filling.
    ///
    /// # Errors
    /// What `fill` says.
    pub fn render<E>(&self, mut fill: impl FnMut(&Hole) -> Result<Secret, E>) -> Result<Secret, E> {
        let mut text = zeroize::Zeroizing::new(String::new());
        for part in self.parts() {
            match part {
                Part::Fixed(fixed) => text.push_str(fixed),
                Part::Hole(hole) => text.push_str(fill(hole)?.expose()),
            }
        }
        Ok(Secret::new(text.as_str()))
    }
}

impl schemars::JsonSchema for TextTemplate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TextTemplate".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A text with {variable} holes; {variable.group} is what a named group of the variable's pattern matched. A brace itself is written twice.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> Result<String, TemplateError> {
        let template = TextTemplate::try_from(template.to_owned())?;
        let text = template.render(|hole| {
            let group = hole.group.as_deref().map(|group| [".", group].concat()).unwrap_or_default();
            Ok(Secret::new(format!("<{}{group}>", hole.name)))
        })?;
        Ok(text.expose().to_owned())
    }

    #[test]
    fn holes_groups_and_braces() {
        assert_eq!(filled("Bearer {access_token}").as_deref(), Ok("Bearer <access_token>"));
        assert_eq!(filled("{key.id}:{key.part}x").as_deref(), Ok("<key.id>:<key.part>x"));
        assert_eq!(filled("{{\"a\": \"{b}\"}}").as_deref(), Ok("{\"a\": \"<b>\"}"));
        assert_eq!(filled("").as_deref(), Ok(""));
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for text in ["{", "}", "{}", "{a", "a}", "{a b}", "{a.}", "{.a}", "{a.b.c}", "{{a}", "{a}}"] {
            assert!(matches!(filled(text), Err(TemplateError::Malformed { .. })), "{text}");
        }
    }
}
