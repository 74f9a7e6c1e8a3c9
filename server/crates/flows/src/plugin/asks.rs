//! What a manifest asks for beyond another one: the tenant is asked before it gets it.
//!
//! Read off the manifests' text and not off their fields, and closed: whatever differs, by a value, a key or by being gone,
//! is asked about unless a rule here knows that nothing is widened by it. A field that manifests have from tomorrow on is so
//! asked about until somebody has thought of it. What can widen a version, by sections:
//!
//! * Anywhere: an address that was not there, with its scheme, its holes and its port (`Host`), and further `scopes`
//!   (`Scope`).
//! * `[variables]`: one that has to be filled in from now on (`Variable`), and further hosts on an `allow` list (`Host`). Of
//!   one that was there, further `options`, another `default`, and whatever else decides what stands in its place (`at`,
//!   `type`, `from`, `pattern`, `prefix`, `suffix`, `optional`): connections that there are would be led elsewhere (`Host`), or
//!   would send something else (`Credential`). A new one changes nothing before something names it, and that is seen where
//!   it stands. Not what the form says, nor an option that is gone.
//! * `[auth]`: another mode (`Auth`); parameters, their names and a JWT's claims, by which a provider grants more (`Scope`);
//!   all else, what is gone as well, for `issuer`, `pkce`, `install.hmac_param` and `installations` are there to refuse
//!   something (`Credential`).
//! * `[api]`: `base_url` and `hosts` by their hosts, for the path of a request is the plugin's own affair; those that it
//!   reaches are told apart from those that credentials are fetched at. `credential` and `headers` to the letter
//!   (`Credential`).
//! * `[identity]` and `[verification]`: all but the name that is shown, for they say whose account it is and which
//!   credentials are taken for good (`Auth`).
//! * `[revocation]`: all of it, for it knows the client's secret and the refresh token (`Credential`).
//! * `[webhook]`: all of it but `routes`, for it says what is taken for the provider's own (`Credential`). Where it is gone,
//!   nothing is taken.
//! * `[[streams]]`: one that is gone (`StreamRemoved`), or is pulled in full now (`StreamFull`).
//! * `[[actions]]`: a further one, one that takes another input, and one that is repeated from now on where nobody knows
//!   whether it was performed (`Action`).
//!
//! Not asked about, since the plugin's code does as it likes there anyway, or since it is only how fast, how often and in
//! which words: the head of the manifest, `failures`, `rate_limit`, `pagination`, `plugin`, `webhook.routes`, further
//! streams and their schedules, and what comes out of an action and how long that may take.

mod wants;

use std::collections::{BTreeMap, BTreeSet};

use api_types::plugin::{PluginAsk, PluginAskKind};
use toml::{Table, Value};

use self::wants::{Wants, covers, host, section};

/// Sections that widen nothing.
const PLAIN: [&str; 10] =
    ["schema", "slug", "name", "category", "docs", "verified", "failures", "rate_limit", "pagination", "plugin"];
/// What the form of a variable says.
const FORM: [&str; 4] = ["label", "help", "help_url", "placeholder"];
/// Tables by which more is asked of a provider than by the fields beside them.
const GRANTING: [&str; 6] = ["authorize_params", "token_params", "refresh_params", "rename", "claims", "fixed_claims"];
/// Fields of a stream that are looked at by themselves or widen nothing.
const STREAM: [&str; 6] = ["name", "mode", "every_minutes", "realtime", "backfill_days", "description"];
/// Likewise of an action.
const ACTION: [&str; 6] = ["name", "description", "input", "output", "timeout_seconds", "is_idempotent"];
/// Characters of a value that are shown.
const SHOWN: usize = 120;

/// What `after` asks for and `before` does not. Both are manifests that were read before.
#[must_use]
pub fn beyond(before: &str, after: &str) -> Vec<PluginAsk> {
    let (before, after) = (Wants::of(before), Wants::of(after));
    let mut comparison = Comparison { before: &before, after: &after, asks: BTreeSet::new() };
    comparison.everywhere();
    comparison.variables();
    comparison.sections();
    comparison.streams();
    comparison.actions();
    comparison.asks.into_iter().map(|(kind, what)| PluginAsk { kind, what }).collect()
}

/// As people read it.
#[must_use]
pub fn in_words(ask: &PluginAsk) -> String {
    let what = &ask.what;
    match ask.kind {
        PluginAskKind::Host => format!("requests to {what}"),
        PluginAskKind::Scope => format!("the scope {what}"),
        PluginAskKind::Auth => format!("another way to connect, {what}"),
        PluginAskKind::Credential if what.starts_with("webhook") => {
            format!("another way to know the provider's webhooks ({what})")
        }
        PluginAskKind::Credential => format!("another way to send the credential ({what})"),
        PluginAskKind::Variable => format!("a value for `{what}`"),
        PluginAskKind::Action => format!("the action {what}"),
        PluginAskKind::StreamRemoved => format!("an end of the stream {what}"),
        PluginAskKind::StreamFull => format!("full pulls of the stream {what}, which delete what they do not see"),
    }
}

struct Comparison<'w> {
    before: &'w Wants,
    after: &'w Wants,
    asks: BTreeSet<(PluginAskKind, String)>,
}

impl Comparison<'_> {
    fn ask(&mut self, kind: PluginAskKind, what: impl Into<String>) {
        self.asks.insert((kind, what.into()));
    }

    fn everywhere(&mut self) {
        let (before, after) = (self.before, self.after);
        for (known, hosts) in [(&before.hosts, &after.hosts), (&before.reached, &after.reached)] {
            for host in hosts.iter().filter(|host| !covers(known, host)) {
                self.ask(PluginAskKind::Host, host);
            }
        }
        for scope in after.scopes.difference(&before.scopes) {
            self.ask(PluginAskKind::Scope, scope);
        }
    }

    fn variables(&mut self) {
        let (before, after) = (self.before, self.after);
        for name in after.required.difference(&before.required) {
            self.ask(PluginAskKind::Variable, name);
        }
        let known = section(&before.manifest, "variables");
        for (name, spec) in section(&after.manifest, "variables").into_iter().flatten() {
            let Some(spec) = spec.as_table() else { continue };
            let old = known.and_then(|known| known.get(name.as_str())).and_then(Value::as_table);
            let allowed = old.map(|old| texts(old, "allow")).unwrap_or_default();
            for host in texts(spec, "allow") {
                if !allowed.contains("*") && !covers(&allowed, &host) {
                    self.ask(PluginAskKind::Host, host);
                }
            }
            if let Some(old) = old {
                self.variable(name, old, spec);
            }
        }
    }

    fn variable(&mut self, name: &str, old: &Table, new: &Table) {
        let (before, after) = (self.before, self.after);
        let hole = format!("{{{name}}}");
        let hosts: Vec<&String> = after.hosts.iter().filter(|host| host.contains(&hole)).collect();
        let is_asked_for = after.required.contains(name) && !before.required.contains(name);
        for field in keys(old, new) {
            let (was, is) = (old.get(field.as_str()), new.get(field.as_str()));
            if was == is || FORM.contains(&field.as_str()) {
                continue;
            }
            match (field.as_str(), is) {
                ("allow", _) => {}
                ("default" | "optional", _) if is_asked_for => {}
                ("default", Some(Value::String(value))) => self.leads(name, value, &hosts),
                ("options", Some(Value::Table(options))) => {
                    let known = was.and_then(Value::as_table);
                    let is_new = |value: &&String| known.is_none_or(|known| !known.contains_key(value.as_str()));
                    for value in options.keys().filter(is_new) {
                        self.leads(name, value, &hosts);
                    }
                }
                _ if hosts.is_empty() => self.ask(PluginAskKind::Credential, format!("variables.{name}.{field}")),
                _ => self.ask(PluginAskKind::Host, format!("{hole} by another `{field}`")),
            }
        }
    }

    /// A value stands for a variable where it did not, in these hosts.
    fn leads(&mut self, name: &str, value: &str, hosts: &[&String]) {
        if hosts.is_empty() {
            self.ask(PluginAskKind::Credential, format!("variables.{name} = {}", cut(value)));
        }
        for template in hosts {
            let filled = template.replace(&format!("{{{name}}}"), value);
            let host = host("url", &filled).unwrap_or(filled);
            self.ask(PluginAskKind::Host, host);
        }
    }

    fn sections(&mut self) {
        let (Wants { manifest: before, .. }, Wants { manifest: after, .. }) = (self.before, self.after);
        for name in keys(before, after) {
            let (old, new) = (before.get(name.as_str()), after.get(name.as_str()));
            match name.as_str() {
                plain if PLAIN.contains(&plain) => {}
                "variables" | "streams" | "actions" => {}
                "auth" if mode(before) != mode(after) => {
                    let mode = mode(after).and_then(Value::as_str).unwrap_or("none");
                    self.ask(PluginAskKind::Auth, mode);
                }
                "api" => self.section(PluginAskKind::Credential, name, (old, new), &["base_url", "hosts"]),
                "identity" => self.section(PluginAskKind::Auth, name, (old, new), &["name"]),
                "verification" => self.section(PluginAskKind::Auth, name, (old, new), &[]),
                "webhook" if new.is_none() => {}
                "webhook" => self.section(PluginAskKind::Credential, name, (old, new), &["routes"]),
                _ => self.compare(PluginAskKind::Credential, name, old, new),
            }
        }
    }

    /// A section, but for some fields.
    fn section(&mut self, kind: PluginAskKind, name: &str, both: (Option<&Value>, Option<&Value>), but: &[&str]) {
        let (Some(Value::Table(old)), Some(Value::Table(new))) = both else {
            return self.compare(kind, name, both.0, both.1);
        };
        for field in keys(old, new).into_iter().filter(|field| !but.contains(&field.as_str())) {
            self.compare(kind, &format!("{name}.{field}"), old.get(field.as_str()), new.get(field.as_str()));
        }
    }

    /// What must be as it was, at a path.
    fn compare(&mut self, kind: PluginAskKind, path: &str, old: Option<&Value>, new: Option<&Value>) {
        if old == new {
            return;
        }
        let field = path.rsplit('.').next().unwrap_or_default();
        match (old, new) {
            (None | Some(Value::Table(_)), None | Some(Value::Table(_))) if GRANTING.contains(&field) => {
                self.granted(path, old, new);
            }
            (Some(Value::Table(old)), Some(Value::Table(new))) => {
                for name in keys(old, new) {
                    let path = format!("{path}.{name}");
                    self.compare(kind, &path, old.get(name.as_str()), new.get(name.as_str()));
                }
            }
            // What is more in them is asked for by itself.
            _ if field == "scopes" && are_texts(old) && are_texts(new) => {}
            (_, Some(Value::String(text)))
                if host(field, text).is_some_and(|host| !covers(&self.before.hosts, &host)) => {}
            _ => self.ask(kind, path),
        }
    }

    fn granted(&mut self, path: &str, old: Option<&Value>, new: Option<&Value>) {
        let none = Table::new();
        let old = old.and_then(Value::as_table).unwrap_or(&none);
        let new = new.and_then(Value::as_table).unwrap_or(&none);
        for name in keys(old, new) {
            let (was, is) = (old.get(name.as_str()), new.get(name.as_str()));
            if was == is {
                continue;
            }
            let said = match is {
                None => "nothing".to_owned(),
                Some(Value::String(text)) => cut(text),
                Some(other) => cut(&serde_json::to_string(other).unwrap_or_default()),
            };
            self.ask(PluginAskKind::Scope, format!("{path}.{name} = {said}"));
        }
    }

    fn streams(&mut self) {
        let (before, after) = (self.before, self.after);
        let now = by_name(&after.manifest, "streams");
        for (name, old) in by_name(&before.manifest, "streams") {
            let Some(&new) = now.get(name) else {
                self.ask(PluginAskKind::StreamRemoved, name);
                continue;
            };
            let is_full = |stream: &Table| stream.get("mode").and_then(Value::as_str) == Some("full");
            if is_full(new) && !is_full(old) {
                self.ask(PluginAskKind::StreamFull, name);
            }
            self.fields("streams", name, (old, new), &STREAM);
        }
    }

    fn actions(&mut self) {
        let (before, after) = (self.before, self.after);
        let known = by_name(&before.manifest, "actions");
        for (name, new) in by_name(&after.manifest, "actions") {
            let Some(&old) = known.get(name) else {
                self.ask(PluginAskKind::Action, name);
                continue;
            };
            let repeats = |action: &Table| action.get("is_idempotent").and_then(Value::as_bool).unwrap_or_default();
            if repeats(new) && !repeats(old) {
                let what = format!("{name}, repeated where nobody knows whether it was performed");
                self.ask(PluginAskKind::Action, what);
            }
            // Which of two schemas takes more is not for a program to tell; without one, everything was taken.
            let takes = |action: &Table| action.get("input").map(without_words);
            if takes(old).is_some() && takes(old) != takes(new) {
                self.ask(PluginAskKind::Action, format!("{name} with another input"));
            }
            self.fields("actions", name, (old, new), &ACTION);
        }
    }

    /// Fields of a stream or an action that are none of the known ones.
    fn fields(&mut self, list: &str, name: &str, (old, new): (&Table, &Table), known: &[&str]) {
        for field in keys(old, new).into_iter().filter(|field| !known.contains(&field.as_str())) {
            let (was, is) = (old.get(field.as_str()), new.get(field.as_str()));
            self.compare(PluginAskKind::Credential, &format!("{list}.{name}.{field}"), was, is);
        }
    }
}

fn mode(manifest: &Table) -> Option<&Value> {
    section(manifest, "auth").and_then(|auth| auth.get("mode"))
}

fn keys<'t>(old: &'t Table, new: &'t Table) -> BTreeSet<&'t String> {
    old.keys().chain(new.keys()).collect()
}

/// The tables of a list by their names.
fn by_name<'t>(manifest: &'t Table, list: &str) -> BTreeMap<&'t str, &'t Table> {
    let tables = manifest.get(list).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table);
    tables.filter_map(|table| Some((table.get("name")?.as_str()?, table))).collect()
}

fn texts(table: &Table, field: &str) -> BTreeSet<String> {
    let values = table.get(field).and_then(Value::as_array).into_iter().flatten();
    values.filter_map(Value::as_str).map(str::to_ascii_lowercase).collect()
}

fn are_texts(value: Option<&Value>) -> bool {
    value.is_none_or(|value| value.as_array().is_some_and(|values| values.iter().all(Value::is_str)))
}

/// A schema without what it says to people.
fn without_words(schema: &Value) -> Value {
    let Value::Table(table) = schema else { return schema.clone() };
    let mut bare = Table::new();
    for (name, value) in table {
        match name.as_str() {
            "title" | "description" if value.is_str() => {}
            // Not a schema but a value, which is taken to the letter.
            "const" => {
                bare.insert(name.clone(), value.clone());
            }
            _ => {
                bare.insert(name.clone(), without_words(value));
            }
        }
    }
    Value::Table(bare)
}

fn cut(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests;
