//! Which holes a template may have, where it stands.

use super::{Finding, Rules, closest, names};
use crate::manifest::{AuthSpec, ClientOwner, Hole, Template, TextTemplate, VariableLevel, VariableSpec, VariableType};

/// When in the making of a connection a template is filled. The provider's answers become known one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Moment {
    /// Before anything is asked.
    Begin,
    /// With the callback in hand.
    Exchange,
    /// With the token in hand.
    Ask,
    /// With the connection made.
    Use,
}

/// What a template may name beside variables, and when it is filled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'k> {
    pub(super) moment: Moment,
    pub(super) names: &'k [&'k str],
    /// Whether secrets may stand there.
    pub(super) secrets: bool,
}

impl<'k> Known<'k> {
    pub(super) const fn at(moment: Moment, names: &'k [&'k str]) -> Self {
        Self { moment, names, secrets: true }
    }

    pub(super) const fn public(self) -> Self {
        Self { secrets: false, ..self }
    }
}

/// The moment from which on an answer's variable is known.
pub(super) fn known_from(from: &str) -> Option<Moment> {
    match from.split_once('.')?.0 {
        "callback" => Some(Moment::Exchange),
        "token" => Some(Moment::Ask),
        "identity" => Some(Moment::Use),
        _ => None,
    }
}

impl Rules<'_> {
    /// Whether the integration or the connection has an OAuth client, whose id and secret templates may name.
    pub(super) fn has_client(&self) -> bool {
        match &self.manifest.auth {
            AuthSpec::OAuth2Code(_)
            | AuthSpec::OAuth2ClientCredentials(_)
            | AuthSpec::OAuth2Device(_)
            | AuthSpec::OAuth1(_) => true,
            AuthSpec::AppInstallation(app) => app.user.is_some(),
            AuthSpec::Key | AuthSpec::Session(_) | AuthSpec::Jwt(_) | AuthSpec::Mcp(_) | AuthSpec::None => false,
        }
    }

    /// What every template of the provider may name beside variables.
    pub(super) fn client_holes(&self) -> &'static [&'static str] {
        if self.has_client() { &["client_id", "client_secret"] } else { &[] }
    }

    /// Checks a URL that stands for itself: no path.
    pub(super) fn url(&mut self, field: &str, template: &Template, known: Known<'_>) {
        if template.is_path() {
            return self
                .refuse(field, "write a whole URL, https://…; only calls may be paths below the API's base URL");
        }
        self.call_url(field, template, known);
    }

    /// Checks the URL of a call, which may be a path below the API's base URL.
    pub(super) fn call_url(&mut self, field: &str, template: &Template, known: Known<'_>) {
        let manifest = self.manifest;
        if let Err(error) = template.check_with(&manifest.variables, known.names) {
            let name = match &error {
                crate::manifest::TemplateError::Undeclared { name } => name.as_str(),
                _ => "",
            };
            let close = closest(name, manifest.variables.keys().map(String::as_str).chain(known.names.iter().copied()));
            let suggestion = close.map(Into::into);
            self.found.push(Finding { suggestion, ..Finding::new(field, error.to_string()) });
            return;
        }
        for hole in template.hole_parts() {
            if let (Some(group), Some(spec)) = (&hole.group, manifest.variables.get(&hole.name)) {
                self.group(field, &hole.name, spec, group);
            }
        }
        let base = template.is_path().then_some(&manifest.api.base_url);
        for name in template.holes().chain(base.into_iter().flat_map(Template::holes)) {
            let Some(spec) = manifest.variables.get(name) else { continue };
            if spec.optional && spec.default.is_none() {
                let message = format!("`{{{name}}}` may be left empty, and then there is no URL: give it a default");
                self.refuse(field, message);
            }
            self.in_time(field, name, spec, known.moment);
        }
    }

    /// Checks a text.
    pub(super) fn text(&mut self, field: &str, template: &TextTemplate, known: Known<'_>) {
        for hole in template.holes() {
            self.hole(field, hole, known);
        }
    }

    fn hole(&mut self, field: &str, hole: &Hole, known: Known<'_>) {
        let manifest = self.manifest;
        let name = hole.name.as_str();
        let is_known = known.names.contains(&name);
        let Some(spec) = manifest.variables.get(name) else {
            if is_known && hole.group.is_none() {
                return;
            }
            if is_known {
                return self.refuse(field, format!("`{{{name}}}` has no parts: only variables with a pattern have"));
            }
            let all = manifest.variables.keys().map(String::as_str).chain(known.names.iter().copied());
            let suggestion = closest(name, all).map(Into::into);
            let also = if known.names.is_empty() {
                String::new()
            } else {
                format!("; known here are {}", known.names.join(", "))
            };
            let message = format!("`{{{name}}}` is not declared: add [variables.{name}]{also}");
            self.found.push(Finding { suggestion, ..Finding::new(field, message) });
            return;
        };
        if is_known {
            let message =
                format!("`{{{name}}}` means something else here already: give [variables.{name}] another name");
            return self.refuse(field, message);
        }
        if spec.kind == VariableType::Secret && !known.secrets {
            let message = format!(
                "`{{{name}}}` is a secret and would be seen: secrets go into `api.credential`, a call's body or its headers"
            );
            return self.refuse(field, message);
        }
        if let Some(group) = &hole.group {
            self.group(field, name, spec, group);
        }
        // What an optional one is for is left out as long as it is not known.
        if !spec.optional {
            self.in_time(field, name, spec, known.moment);
        }
    }

    fn group(&mut self, field: &str, name: &str, spec: &VariableSpec, group: &str) {
        let groups = spec.groups();
        if !groups.iter().any(|known| known == group) {
            let message = format!("the pattern of `{name}` has no group (?P<{group}>…)");
            let suggestion = closest(group, groups.iter().map(String::as_str)).map(|close| format!("{name}.{close}"));
            self.found.push(Finding { suggestion, ..Finding::new(field, message) });
        }
    }

    /// A value that the provider gives is not asked for before it is given.
    fn in_time(&mut self, field: &str, name: &str, spec: &VariableSpec, moment: Moment) {
        let from = spec.from.as_deref().filter(|_| spec.at == VariableLevel::Answer && spec.default.is_none());
        let Some(from) = from else { return };
        if known_from(from).is_some_and(|since| since > moment) {
            let message = format!(
                "`{{{name}}}` is known from `{from}` only, which comes later; write optional = true where a request may go without it until then"
            );
            self.refuse(field, message);
        }
    }

    /// Whether each connection brings a client of its own.
    pub(super) fn brings_client(&self) -> bool {
        matches!(&self.manifest.auth, AuthSpec::OAuth2ClientCredentials(spec) if spec.client == ClientOwner::Connection)
    }

    /// Refuses a secret that a protocol needs and nobody is asked for.
    pub(super) fn needs_secret(&mut self, field: &str, name: &str, why: &str) {
        let found = self.manifest.variables.get(name);
        if found.is_none_or(|spec| spec.kind != VariableType::Secret) {
            let level = if self.brings_client() { "" } else { ", at = \"integration\"" };
            self.refuse(field, format!("{why} needs [variables.{name}] with type = \"secret\"{level}"));
        }
    }

    /// Checks texts by name, such as parameters.
    pub(super) fn texts<'t>(
        &mut self,
        field: &str,
        all: impl IntoIterator<Item = (&'t String, &'t TextTemplate)>,
        known: Known<'_>,
    ) {
        for (name, template) in all {
            let field = format!("{field}.{name}");
            if !names::is_parameter(name) {
                self.refuse(field.clone(), "this is no name for a parameter");
            }
            self.text(&field, template, known);
        }
    }

    /// Checks headers.
    pub(super) fn headers<'t>(
        &mut self,
        field: &str,
        all: impl IntoIterator<Item = (&'t String, &'t TextTemplate)>,
        known: Known<'_>,
    ) {
        for (name, template) in all {
            let field = format!("{field}.{name}");
            if !names::is_header(name) {
                self.refuse(field.clone(), "this is no header's name (RFC 9110)");
            } else if names::is_hop_header(name) {
                self.refuse(field.clone(), "HTTP sets this header itself");
            }
            if template.fixed().any(|text| text.contains(|c: char| !(c == '\t' || ('\x20'..='\x7e').contains(&c)))) {
                self.refuse(field.clone(), "a header's value has printable ASCII characters only");
            }
            self.text(&field, template, known);
        }
    }
}
