//! Rules for variables.

use super::{Rules, holes, names};
use crate::manifest::{AuthSpec, VariableLevel, VariableSpec, VariableType, variable::compiled};

/// The longest pattern, in bytes.
const LONGEST_PATTERN: usize = 512;

impl Rules<'_> {
    pub(super) fn variables(&mut self) {
        let manifest = self.manifest;
        if manifest.variables.len() > 32 {
            self.refuse("variables", "there are at most 32: nobody fills in a longer form");
        }
        for (name, spec) in &manifest.variables {
            let field = format!("variables.{name}");
            if !names::is_plain(name) {
                self.refuse(
                    &field,
                    "name it in lower-case letters, digits and underscores, a letter first, at most 64",
                );
            }
            if self.has_client() && matches!(name.as_str(), "client_id" | "client_secret") {
                self.refuse(&field, "the form asks for client id and secret by itself: leave this variable out");
            }
            self.words(&field, spec);
            self.kind(&field, spec);
            self.origin(&field, spec);
            self.value(&field, name, spec);
        }
    }

    fn words(&mut self, field: &str, spec: &VariableSpec) {
        if !names::is_shown(&spec.label, 80) {
            self.refuse(format!("{field}.label"), "write what the form calls it, at most 80 characters");
        }
        for (part, text, most) in [("help", &spec.help, 400), ("placeholder", &spec.placeholder, 200)] {
            if text.as_ref().is_some_and(|text| !names::is_shown(text, most)) {
                self.refuse(format!("{field}.{part}"), format!("write one line of at most {most} characters"));
            }
        }
        if spec.help_url.as_ref().is_some_and(|url| !names::is_link(url)) {
            self.refuse(format!("{field}.help_url"), "write an https address");
        }
    }

    /// Fields that go with one type only.
    fn kind(&mut self, field: &str, spec: &VariableSpec) {
        let is_choice = spec.kind == VariableType::Choice;
        let is_origin = spec.kind == VariableType::Origin;
        let is_typed = matches!(spec.kind, VariableType::Text | VariableType::Secret);
        if is_choice == spec.options.is_empty() {
            let message = if is_choice { "a choice needs `options`" } else { "only a choice has `options`" };
            self.refuse(format!("{field}.options"), message);
        }
        for (value, label) in &spec.options {
            let part = format!("{field}.options.{value}");
            if !names::is_labels(value) || value.len() > 253 {
                self.refuse(&part, "a value is a DNS label, or several with dots between them");
            }
            if !names::is_shown(label, 80) {
                self.refuse(&part, "write what the form calls it, at most 80 characters");
            }
        }
        if is_origin == spec.allow.is_empty() {
            let message = if is_origin {
                "an origin needs `allow`, the hosts that it may name"
            } else {
                "only an origin has `allow`"
            };
            self.refuse(format!("{field}.allow"), message);
        }
        if let Some(pattern) = spec.allow.iter().find(|pattern| *pattern != "*" && !names::is_host_pattern(pattern)) {
            let message = format!("`{pattern}` is no host: write `api.example.com` or `*.example.com`");
            self.refuse(format!("{field}.allow"), message);
        }
        for (part, text) in [("prefix", &spec.prefix), ("suffix", &spec.suffix)] {
            if !text.is_empty() && !is_typed {
                self.refuse(
                    format!("{field}.{part}"),
                    "only text and secrets have one: write it into the template instead",
                );
            }
            if text.chars().count() > 64 || text.chars().any(char::is_control) {
                self.refuse(format!("{field}.{part}"), "write at most 64 printable characters");
            }
        }
        if spec.multiline && !is_typed {
            self.refuse(format!("{field}.multiline"), "only text and secrets may have several lines");
        }
    }

    /// Who fills it in, and where an answer's value comes from.
    fn origin(&mut self, field: &str, spec: &VariableSpec) {
        let is_answer = spec.at == VariableLevel::Answer;
        let part = format!("{field}.from");
        match &spec.from {
            None if is_answer => {
                let message = "at = \"answer\" needs `from`: `token.…`, `callback.…` or `identity.…`";
                self.refuse(part, message);
            }
            Some(_) if !is_answer => self.refuse(part, "`from` goes with at = \"answer\" only"),
            Some(from) if holes::known_from(from).is_none() || !names::is_path(from) => {
                let message = format!("`{from}` is no place: write `token.…`, `callback.…` or `identity.…`");
                self.refuse(part, message);
            }
            Some(from) => self.place(&part, from),
            None => {}
        }
        if is_answer && spec.kind == VariableType::Secret {
            self.refuse(
                format!("{field}.type"),
                "what the provider answers is kept as it is: only what is typed in is secret",
            );
        }
    }

    /// Whether the provider gives answers of that kind at all.
    fn place(&mut self, field: &str, from: &str) {
        let auth = &self.manifest.auth;
        let browser = matches!(
            auth,
            AuthSpec::OAuth2Code(_) | AuthSpec::OAuth1(_) | AuthSpec::AppInstallation(_) | AuthSpec::Mcp(_)
        );
        let token = browser
            || matches!(
                auth,
                AuthSpec::OAuth2ClientCredentials(_)
                    | AuthSpec::OAuth2Device(_)
                    | AuthSpec::Session(_)
                    | AuthSpec::Jwt(_)
            );
        match from.split_once('.').map(|(place, _)| place) {
            Some("callback") if !browser => self.refuse(field, "this way of connecting has no callback"),
            Some("token") if !token => self.refuse(field, "this way of connecting has no token answer"),
            Some("identity") if self.manifest.identity.as_ref().is_none_or(|spec| spec.url.is_none()) => {
                self.refuse(field, "there is no [identity] call whose answer could give it");
            }
            _ => {}
        }
    }

    /// Pattern and default.
    fn value(&mut self, field: &str, name: &str, spec: &VariableSpec) {
        if let Some(pattern) = &spec.pattern {
            let part = format!("{field}.pattern");
            if pattern.len() > LONGEST_PATTERN {
                self.refuse(&part, format!("a pattern has at most {LONGEST_PATTERN} bytes"));
                return;
            }
            if let Err(why) = compiled(pattern) {
                self.refuse(&part, why);
                return;
            }
        }
        let Some(default) = &spec.default else { return };
        let part = format!("{field}.default");
        if spec.kind == VariableType::Secret {
            self.refuse(part, "a secret has no default: it would be no secret");
        } else if let Err(error) = spec.accept(name, default) {
            self.refuse(part, format!("the default is refused: {error}"));
        }
    }
}
