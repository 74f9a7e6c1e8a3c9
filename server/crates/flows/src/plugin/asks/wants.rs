//! What one manifest asks for, wherever in it that stands.

use std::collections::BTreeSet;

use domain::manifest::host_matches;
use toml::{Table, Value};

/// Fields whose text people read and no request goes to.
const WORDS: [&str; 7] = ["docs", "help", "help_url", "label", "placeholder", "description", "name"];
/// Where it stands which hosts plugin and proxy reach.
const REACHED: [(&str, &str); 4] =
    [("api", "base_url"), ("api", "hosts"), ("identity", "url"), ("verification", "url")];

/// What one manifest asks for.
pub(super) struct Wants {
    pub(super) manifest: Table,
    /// Hosts of all addresses in it.
    pub(super) hosts: BTreeSet<String>,
    /// Those of them that plugin and proxy reach.
    pub(super) reached: BTreeSet<String>,
    pub(super) scopes: BTreeSet<String>,
    /// Variables that have to be filled in.
    pub(super) required: BTreeSet<String>,
}

impl Wants {
    pub(super) fn of(text: &str) -> Self {
        let manifest: Table = toml::from_str(text).unwrap_or_default();
        let (mut all, mut reached) = (Found::default(), Found::default());
        all.table(&manifest);
        for (name, field) in REACHED {
            if let Some(value) = section(&manifest, name).and_then(|section| section.get(field)) {
                reached.value(field, value);
            }
        }
        let mut required = BTreeSet::new();
        for (name, spec) in section(&manifest, "variables").into_iter().flatten() {
            let field = |field: &str| spec.as_table().and_then(|spec| spec.get(field));
            let is_optional = field("optional").and_then(Value::as_bool).unwrap_or_default();
            let is_answer = field("at").and_then(Value::as_str) == Some("answer");
            if !is_optional && !is_answer && field("default").is_none() {
                required.insert(name.clone());
            }
        }
        Self { manifest, hosts: all.hosts, reached: reached.hosts, scopes: all.scopes, required }
    }
}

/// Hosts and scopes of a part of a manifest.
#[derive(Default)]
struct Found {
    hosts: BTreeSet<String>,
    scopes: BTreeSet<String>,
}

impl Found {
    fn table(&mut self, table: &Table) {
        for (field, value) in table {
            self.value(field, value);
        }
    }

    fn value(&mut self, field: &str, value: &Value) {
        match (field, value) {
            (field, Value::String(_)) if WORDS.contains(&field) => {}
            // Held against the same variable's alone: where a tenant may lead is not where the manifest leads.
            ("allow", Value::Array(_)) => {}
            ("scopes", Value::Array(scopes)) => {
                self.scopes.extend(scopes.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            ("hosts", Value::Array(hosts)) => {
                self.hosts.extend(hosts.iter().filter_map(Value::as_str).map(str::to_ascii_lowercase));
            }
            (field, Value::String(text)) => self.hosts.extend(host(field, text)),
            (field, Value::Array(values)) => values.iter().for_each(|value| self.value(field, value)),
            (_, Value::Table(table)) => self.table(table),
            (_, Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_)) => {}
        }
    }
}

/// A section that is a table.
pub(super) fn section<'t>(manifest: &'t Table, name: &str) -> Option<&'t Table> {
    manifest.get(name).and_then(Value::as_table)
}

/// Whether a host is among the known ones, or below one of their patterns.
pub(super) fn covers(known: &BTreeSet<String>, host: &str) -> bool {
    known.iter().any(|known| known == host || host_matches(known, host))
}

/// The host of an address, with its holes and its port; with its scheme where that is not https. An origin with which a URL
/// begins is all that is known of its host.
pub(super) fn host(field: &str, text: &str) -> Option<String> {
    let text = text.trim();
    let first = |text: &str| text.split(['/', '?', '#', '\\']).next().unwrap_or_default().to_ascii_lowercase();
    let is_url = field == "url" || field == "issuer" || field.ends_with("_url");
    if is_url && text.starts_with('{') {
        return Some(first(text));
    }
    let (scheme, rest) = text.split_once("://")?;
    if scheme.eq_ignore_ascii_case("https") {
        Some(first(rest))
    } else if scheme.eq_ignore_ascii_case("http") {
        Some(format!("http://{}", first(rest)))
    } else {
        None
    }
}
