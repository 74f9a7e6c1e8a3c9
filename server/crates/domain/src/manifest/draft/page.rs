//! The draft's text while it grows.

use std::collections::BTreeMap;

use url::Url;

use super::{DraftError, DraftHints, slug_of};
use crate::manifest::{CATEGORIES, Named, Template, VariableSpec};

/// A variable of the draft.
#[derive(Debug, Clone, Default)]
pub(super) struct Variable {
    pub(super) kind: &'static str,
    pub(super) label: String,
    pub(super) default: Option<String>,
    pub(super) options: Vec<String>,
    pub(super) integration: bool,
    pub(super) multiline: bool,
}

/// The draft's tables.
#[derive(Debug, Default)]
pub(super) struct Page {
    head: Vec<String>,
    variables: BTreeMap<String, Variable>,
    pub(super) auth: Vec<String>,
    pub(super) api: Vec<String>,
    pub(super) rest: Vec<String>,
}

/// A text as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A text of someone else's for a comment: in one line, and no longer than one reads.
pub(super) fn remark(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect();
    line.trim().to_owned()
}

/// A name that variables may have.
pub(super) fn variable_name(text: &str) -> String {
    let mut name = String::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            name.push(letter.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    let name: String = name.trim_end_matches('_').chars().take(48).collect();
    let reserved = ["client_id", "client_secret", "access_token", "refresh_token", "jwt"];
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || reserved.contains(&name.as_str()) {
        return format!("v_{name}");
    }
    name
}

impl Page {
    /// Begins with what every manifest says.
    pub(super) fn begin(name: &str, docs: Option<&str>, hints: &DraftHints) -> Self {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
        let name = hints.name.as_deref().unwrap_or(shown.trim());
        let name = if name.is_empty() { "Provider" } else { name };
        let slug = hints.slug.clone().unwrap_or_else(|| slug_of(name));
        let mut head = vec![
            "# A draft. Check each line against the vendor's documentation, then say so here:".to_owned(),
            "# verified = { by = \"documentation\", on = 2026-01-31 }".to_owned(),
            "schema = 1".to_owned(),
            format!("slug = {}", quoted(&slug)),
            format!("name = {}", quoted(name)),
        ];
        match &hints.category {
            Some(category) => head.push(format!("category = {}", quoted(category))),
            None => {
                head.push(format!("# Fill in: one of {}.", CATEGORIES.join(", ")));
                head.push("category = \"developer-tools\"".to_owned());
            }
        }
        match docs.filter(|docs| docs.starts_with("https://")) {
            Some(docs) => head.push(format!("docs = {}", quoted(docs))),
            None => {
                head.push("# Fill in: where the vendor documents the API.".to_owned());
                head.push("docs = \"https://docs.example/\"".to_owned());
            }
        }
        Self { head, ..Self::default() }
    }

    /// Declares a variable; gives the name under which it is known.
    pub(super) fn declare(&mut self, name: &str, variable: Variable) -> String {
        let name = variable_name(name);
        self.variables.entry(name.clone()).or_insert(variable);
        name
    }

    /// A URL of the document as a template: its holes are declared, and where one of them could lead anywhere, the
    /// origin as a whole is asked for.
    pub(super) fn url(
        &mut self,
        field: &'static str,
        url: &str,
        known: &BTreeMap<String, Variable>,
        location: Option<&Url>,
    ) -> Result<String, DraftError> {
        let bad = |why: &str| DraftError::Unsayable(format!("{field}: `{}` {why}", remark(url)));
        let mut whole = url.to_owned();
        if !url.contains("://") && !url.starts_with('{') {
            let base = location.ok_or_else(|| bad("is relative, and where the document came from is not known"))?;
            whole = base.join(url).map_err(|_| bad("is no URL"))?.to_string();
        }
        let scheme = whole.split_once("://").map(|(scheme, _)| scheme);
        if scheme.is_some_and(|scheme| !matches!(scheme, "https" | "http") && !scheme.contains('{')) {
            return Err(bad("is no web address"));
        }
        let mut template = String::new();
        let mut declared = BTreeMap::new();
        let mut rest = whole.as_str();
        while let Some((fixed, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}').ok_or_else(|| bad("has a brace without its partner"))?;
            template.push_str(fixed);
            let in_path = template.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
            let mut variable = known.get(name).cloned().unwrap_or_default();
            if variable.kind.is_empty() {
                variable.kind = if in_path { "text" } else { "label" };
                variable.label = remark(name);
            }
            let name = variable_name(name);
            template.push_str(&format!("{{{name}}}"));
            declared.insert(name, variable);
            rest = tail;
        }
        template.push_str(rest);
        if let Some(open) = template.strip_prefix("http://") {
            template = format!("https://{open}");
        }
        let template = template.trim_end_matches('/').to_owned();
        if self.fits(&template, &declared) {
            self.variables.extend(declared);
            return Ok(template);
        }
        // The host is for the customer to say.
        let path = template.split_once("://").map_or(template.as_str(), |(_, rest)| rest);
        let path = path.find('/').and_then(|at| path.get(at..)).unwrap_or_default();
        let site = Variable { kind: "origin", label: "Address".into(), ..Variable::default() };
        let template = format!("{{site}}{path}");
        declared.retain(|name, _| path.contains(&format!("{{{name}}}")));
        declared.insert("site".into(), site);
        if !self.fits(&template, &declared) {
            return Err(bad("cannot be said as a template"));
        }
        self.variables.extend(declared);
        Ok(template)
    }

    /// Gives variables that were declared their words.
    pub(super) fn name_variables(&mut self, labels: &BTreeMap<String, String>) {
        for (name, label) in labels {
            if let Some(variable) = self.variables.get_mut(&variable_name(name)) {
                variable.label.clone_from(label);
            }
        }
    }

    fn fits(&self, template: &str, declared: &BTreeMap<String, Variable>) -> bool {
        let mut tables = String::new();
        for (name, variable) in self.variables.iter().chain(declared) {
            if !tables.contains(&format!("[{name}]\n")) {
                tables.push_str(&format!("[{name}]\n{}\n", variable.lines().join("\n")));
            }
        }
        let specs = toml::from_str::<Named<VariableSpec>>(&tables);
        let template = Template::try_from(template.to_owned());
        match (specs, template) {
            (Ok(specs), Ok(template)) => !template.is_path() && template.check(&specs).is_ok(),
            _ => false,
        }
    }

    /// The manifest's text.
    pub(super) fn text(self) -> String {
        let mut lines = self.head;
        for (name, variable) in &self.variables {
            lines.push(String::new());
            lines.push(format!("[variables.{name}]"));
            lines.extend(variable.lines());
        }
        lines.push(String::new());
        lines.push("[auth]".into());
        lines.extend(self.auth);
        lines.push(String::new());
        lines.push("[api]".into());
        lines.extend(self.api);
        lines.extend(self.rest);
        lines.join("\n") + "\n"
    }
}

impl Variable {
    pub(super) fn secret(label: &str) -> Self {
        Self { kind: "secret", label: label.into(), ..Self::default() }
    }

    pub(super) fn typed(label: &str) -> Self {
        Self { kind: "text", label: label.into(), ..Self::default() }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("type = {}", quoted(self.kind)), format!("label = {}", quoted(&self.label))];
        if self.integration {
            lines.push("at = \"integration\"".into());
        }
        if self.kind == "origin" {
            lines.push("# Fill in: the hosts that it may name, such as [\"*.example.com\"].".into());
            lines.push("allow = [\"*\"]".into());
        }
        if !self.options.is_empty() {
            let options: Vec<String> =
                self.options.iter().map(|value| format!("{} = {}", quoted(value), quoted(value))).collect();
            lines.push(format!("options = {{ {} }}", options.join(", ")));
        }
        if let Some(default) = &self.default {
            lines.push(format!("default = {}", quoted(default)));
        }
        if self.multiline {
            lines.push("multiline = true".into());
        }
        lines
    }
}
