//! Rules for requests that a manifest describes.

use super::{
    Finding, Rules, closest,
    holes::{Known, Moment},
    names,
};
use crate::manifest::{
    BasicPlacement, CallBody, CallMethod, CallSpec, IdentitySpec, Template, VariableLevel, VariableType,
};

impl Rules<'_> {
    pub(super) fn call(&mut self, field: &str, call: &CallSpec, known: Known<'_>) {
        let mut names: Vec<&str> = known.names.to_vec();
        names.extend(self.client_holes().iter().filter(|name| !known.names.contains(name)));
        let known = Known { names: &names, ..known };
        // A URL may be logged: of what the flow knows, only what is no secret may stand in one.
        let in_url: Vec<&str> =
            names.iter().copied().filter(|name| matches!(*name, "client_id" | "installation_id")).collect();
        self.call_url(&format!("{field}.url"), &call.url, Known { names: &in_url, ..known });
        self.headers(&format!("{field}.headers"), &call.headers, known);
        self.texts(&format!("{field}.query"), &call.query, known);
        self.texts(&format!("{field}.fields"), &call.fields, known);
        if let Some(content) = &call.content {
            self.text(&format!("{field}.content"), content, known);
        }
        if let Some(basic) = &call.basic {
            self.basic(&format!("{field}.basic"), basic, known);
            if call.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")) {
                self.refuse(
                    format!("{field}.basic"),
                    "there is an Authorization header already: leave one of them out",
                );
            }
        }
        self.call_body(field, call);
    }

    fn call_body(&mut self, field: &str, call: &CallSpec) {
        let has_body = !call.fields.is_empty() || call.content.is_some();
        if call.content.is_some() && !call.fields.is_empty() {
            self.refuse(format!("{field}.content"), "is the whole body: write it or `fields`, not both");
        }
        match call.body {
            CallBody::None if has_body => {
                self.refuse(field, "say how the body is written: body = \"form\", \"json\" or \"xml\"");
            }
            CallBody::Xml if call.content.is_none() => {
                self.refuse(field, "body = \"xml\" needs `content`, the document with holes");
            }
            _ => {}
        }
        if call.method == CallMethod::Get && has_body {
            self.refuse(field, "a GET has no body: write method = \"POST\", or `query` in place of `fields`");
        }
    }

    pub(super) fn basic(&mut self, field: &str, basic: &BasicPlacement, known: Known<'_>) {
        self.text(&format!("{field}.username"), &basic.username, known);
        self.text(&format!("{field}.password"), &basic.password, known);
        if basic.username.fixed().any(|text| text.contains(':')) {
            self.refuse(format!("{field}.username"), "a user name has no colon (RFC 7617 §2)");
        }
    }

    /// The calls that tell whether a credential works and whose it is, and that take it back.
    pub(super) fn asking(&mut self) {
        let manifest = self.manifest;
        if let Some(spec) = &manifest.verification {
            self.asked("verification", &spec.url, spec.method, spec.json.as_deref());
            self.statuses("verification.statuses", &spec.statuses);
            if let Some(path) = &spec.present {
                self.path("verification.present", path);
            }
        }
        if let Some(spec) = &manifest.identity {
            self.identity(spec);
        }
        if let Some(spec) = &manifest.revocation {
            let mut known: Vec<&str> = self.token_holes().to_vec();
            known.extend(self.flow_holes());
            self.call("revocation.call", &spec.call, Known::at(Moment::Use, &known));
            self.statuses("revocation.statuses", &spec.statuses);
        }
    }

    /// Whose account it is: a call that answers with it, or a variable that holds it.
    fn identity(&mut self, spec: &IdentitySpec) {
        let manifest = self.manifest;
        match &spec.url {
            Some(url) => self.asked("identity", url, spec.method, spec.json.as_deref()),
            None => {
                for name in ["method", "json", "account", "name"] {
                    let part = format!("identity.{name}");
                    if self.places.has(&part) {
                        self.refuse(part, "belongs to a call: add `url`");
                    }
                }
            }
        }
        match (&spec.account, &spec.account_variable) {
            (None, None) => self.refuse("identity.account", "is missing: write the path of the account's id"),
            (Some(_), Some(_)) => {
                self.refuse("identity.account_variable", "the answer has the id already, at `account`: leave one out");
            }
            (Some(path), None) => self.path("identity.account", path),
            (None, Some(name)) => match manifest.variables.get(name) {
                Some(spec) if spec.kind != VariableType::Secret && spec.at != VariableLevel::Integration => {}
                Some(_) => {
                    let message = "only a value of the connection that is no secret can tell its account";
                    self.refuse("identity.account_variable", message);
                }
                None => {
                    let suggestion = closest(name, manifest.variables.keys().map(String::as_str)).map(Into::into);
                    let message = format!("`{name}` is not declared: add [variables.{name}]");
                    self.found.push(Finding { suggestion, ..Finding::new("identity.account_variable", message) });
                }
            },
        }
        if let Some(path) = &spec.name {
            self.path("identity.name", path);
        }
    }

    fn asked(&mut self, field: &str, url: &Template, method: CallMethod, json: Option<&str>) {
        let known: Vec<&str> = self.client_holes().iter().copied().filter(|name| *name == "client_id").collect();
        self.call_url(&format!("{field}.url"), url, Known::at(Moment::Ask, &known));
        let Some(json) = json else { return };
        let part = format!("{field}.json");
        if method == CallMethod::Get {
            self.refuse(&part, "a GET has no body: write method = \"POST\"");
        }
        if let Err(error) = serde_json::from_str::<serde_json::Value>(json) {
            self.refuse(part, format!("this is not JSON: {error}"));
        }
    }

    pub(super) fn statuses(&mut self, field: &str, statuses: &[u16]) {
        for (at, status) in statuses.iter().enumerate() {
            if !(100..=599).contains(status) {
                self.refuse(format!("{field}[{at}]"), format!("{status} is no HTTP status: write 100 to 599"));
            }
        }
    }

    /// A header's name.
    pub(super) fn header_name(&mut self, field: &str, name: Option<&str>) {
        if name.is_some_and(|name| !names::is_header(name)) {
            self.refuse(field, "this is no header's name (RFC 9110)");
        }
    }
}
