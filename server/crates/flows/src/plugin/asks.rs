//! What a manifest asks for beyond another one: the tenant is asked before it gets it.
//!
//! Read off the manifests' text and not off their fields: wherever in it an address stands, in a field that is new as well,
//! requests may go there.

use std::collections::{BTreeMap, BTreeSet};

use api_types::plugin::{PluginAsk, PluginAskKind};
use domain::manifest::host_matches;
use toml::{Table, Value};

/// Fields whose text people read and no request goes to.
const WORDS: [&str; 7] = ["docs", "help", "help_url", "label", "placeholder", "description", "name"];

/// What one manifest asks for.
#[derive(Default)]
struct Wants {
    hosts: BTreeSet<String>,
    scopes: BTreeSet<String>,
    variables: BTreeSet<String>,
    actions: BTreeSet<String>,
    /// Each with its mode.
    streams: BTreeMap<String, String>,
    mode: String,
    /// How the credential goes along, and how end users' consent is bound to them.
    credential: Vec<Option<Value>>,
}

/// What `after` asks for and `before` does not. Both are manifests that were read before.
#[must_use]
pub fn beyond(before: &str, after: &str) -> Vec<PluginAsk> {
    let (before, after) = (wants(before), wants(after));
    let mut asks = BTreeSet::new();
    let mut ask = |kind, what: &str| {
        asks.insert((kind, what.to_owned()));
    };
    for host in &after.hosts {
        let is_known = |known: &String| known == host || host_matches(known, host);
        if !before.hosts.iter().any(is_known) {
            ask(PluginAskKind::Host, host);
        }
    }
    for scope in after.scopes.difference(&before.scopes) {
        ask(PluginAskKind::Scope, scope);
    }
    for variable in after.variables.difference(&before.variables) {
        ask(PluginAskKind::Variable, variable);
    }
    for action in after.actions.difference(&before.actions) {
        ask(PluginAskKind::Action, action);
    }
    for (stream, mode) in &before.streams {
        match after.streams.get(stream) {
            None => ask(PluginAskKind::StreamRemoved, stream),
            Some(now) if now == "full" && mode != "full" => ask(PluginAskKind::StreamFull, stream),
            Some(_) => {}
        }
    }
    if before.mode != after.mode {
        ask(PluginAskKind::Auth, &after.mode);
    } else if before.credential != after.credential {
        ask(PluginAskKind::Credential, "api.credential, api.headers, auth.pkce or auth.client_auth");
    }
    asks.into_iter().map(|(kind, what)| PluginAsk { kind, what }).collect()
}

/// As people read it.
#[must_use]
pub fn in_words(ask: &PluginAsk) -> String {
    let what = &ask.what;
    match ask.kind {
        PluginAskKind::Host => format!("requests to {what}"),
        PluginAskKind::Scope => format!("the scope {what}"),
        PluginAskKind::Auth => format!("another way to connect, {what}"),
        PluginAskKind::Credential => format!("another way to send the credential ({what})"),
        PluginAskKind::Variable => format!("a value for `{what}`"),
        PluginAskKind::Action => format!("the action {what}"),
        PluginAskKind::StreamRemoved => format!("an end of the stream {what}"),
        PluginAskKind::StreamFull => format!("full pulls of the stream {what}, which delete what they do not see"),
    }
}

fn wants(text: &str) -> Wants {
    let manifest: Table = toml::from_str(text).unwrap_or_default();
    let mut wants = Wants::default();
    walk(&manifest, &mut wants);
    let table = |name: &str| manifest.get(name).and_then(Value::as_table).cloned().unwrap_or_default();
    let (auth, api) = (table("auth"), table("api"));
    wants.mode = text_of(&auth, "mode");
    wants.credential = [(&api, "credential"), (&api, "headers"), (&auth, "pkce"), (&auth, "client_auth")]
        .map(|(table, field)| table.get(field).cloned())
        .into();
    for (name, spec) in table("variables") {
        let spec = spec.as_table().cloned().unwrap_or_default();
        let is_optional = spec.get("optional").and_then(Value::as_bool).unwrap_or_default();
        if !is_optional && !spec.contains_key("default") && text_of(&spec, "at") != "answer" {
            wants.variables.insert(name);
        }
    }
    for stream in tables(&manifest, "streams") {
        wants.streams.insert(text_of(stream, "name"), text_of(stream, "mode"));
    }
    wants.actions = tables(&manifest, "actions").map(|action| text_of(action, "name")).collect();
    wants
}

fn text_of(table: &Table, field: &str) -> String {
    table.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn tables<'t>(manifest: &'t Table, field: &str) -> impl Iterator<Item = &'t Table> {
    manifest.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table)
}

/// Gathers hosts and scopes from everywhere.
fn walk(table: &Table, wants: &mut Wants) {
    for (field, value) in table {
        match (field.as_str(), value) {
            (field, Value::String(_)) if WORDS.contains(&field) => {}
            ("scopes", Value::Array(scopes)) => {
                wants.scopes.extend(scopes.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            ("hosts" | "allow", Value::Array(hosts)) => {
                wants.hosts.extend(hosts.iter().filter_map(Value::as_str).map(str::to_ascii_lowercase));
            }
            (_, value) => walk_value(value, wants),
        }
    }
}

fn walk_value(value: &Value, wants: &mut Wants) {
    match value {
        Value::String(text) => wants.hosts.extend(host(text)),
        Value::Array(values) => values.iter().for_each(|value| walk_value(value, wants)),
        Value::Table(table) => walk(table, wants),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

/// The host of an address, with its holes and its port; with its scheme where that is not https.
fn host(text: &str) -> Option<String> {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default().to_ascii_lowercase();
    Some(if scheme.eq_ignore_ascii_case("https") { host } else { format!("http://{host}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = r#"
schema = 1
slug = "shop"
name = "Shop"
category = "commerce"
docs = "https://shop.example/docs"
[variables.store]
type = "label"
label = "Store"
[auth]
mode = "oauth2_code"
authorization_url = "https://{store}.shop.example/authorize"
token_url = "https://{store}.shop.example/token"
scopes = ["orders"]
[api]
base_url = "https://{store}.shop.example/v2"
hosts = ["*.files.example"]
[plugin]
component = "plugin.wasm"
[[streams]]
name = "orders"
mode = "incremental"
every_minutes = 60
[[streams]]
name = "people"
mode = "incremental"
every_minutes = 60
[[actions]]
name = "refund"
"#;

    fn asked(change: &[(&str, &str)]) -> Vec<(PluginAskKind, String)> {
        let mut after = BEFORE.to_owned();
        for (old, new) in change {
            assert!(after.contains(old), "{old}");
            after = after.replacen(old, new, 1);
        }
        beyond(BEFORE, &after).into_iter().map(|ask| (ask.kind, ask.what)).collect()
    }

    fn one(kind: PluginAskKind, what: &str) -> Vec<(PluginAskKind, String)> {
        vec![(kind, what.to_owned())]
    }

    #[test]
    fn pl_5_whatever_a_version_asks_for_more_is_named() {
        use PluginAskKind::{Action, Auth, Host, Scope, StreamFull, StreamRemoved, Variable};
        assert_eq!(asked(&[("[\"orders\"]", "[\"orders\", \"people\"]")]), one(Scope, "people"));
        assert_eq!(
            asked(&[("[\"*.files.example\"]", "[\"*.files.example\", \"evil.example\"]")]),
            one(Host, "evil.example")
        );
        assert_eq!(asked(&[("[\"*.files.example\"]", "[\"*.example\"]")]), one(Host, "*.example"));
        assert_eq!(asked(&[(".shop.example/token", ".evil.example/token")]), one(Host, "{store}.evil.example"));
        assert_eq!(
            asked(&[("https://{store}.shop.example/v2", "http://{store}.shop.example/v2")]),
            one(Host, "http://{store}.shop.example")
        );
        assert_eq!(
            asked(&[("https://{store}.shop.example/v2", "https://{store}.shop.example:8443/v2")]),
            one(Host, "{store}.shop.example:8443")
        );
        // In a field that the check below was not written for.
        assert_eq!(
            asked(&[("[plugin]", "[new.field]\nanywhere = [{ url = \"https://deep.example/x\" }]\n[plugin]")]),
            one(Host, "deep.example")
        );
        assert_eq!(
            asked(&[("[auth]", "[variables.pin]\ntype = \"secret\"\nlabel = \"PIN\"\n[auth]")]),
            one(Variable, "pin")
        );
        assert_eq!(asked(&[("[[actions]]", "[[actions]]\nname = \"wipe\"\n[[actions]]")]), one(Action, "wipe"));
        assert_eq!(asked(&[("oauth2_code", "oauth2_device")]), one(Auth, "oauth2_device"));
        assert_eq!(asked(&[("name = \"people\"", "name = \"persons\"")]), one(StreamRemoved, "people"));
        assert_eq!(asked(&[("mode = \"incremental\"", "mode = \"full\"")]), one(StreamFull, "orders"));
        let placed = asked(&[("hosts =", "credential = { query = { token = \"{access_token}\" } }\nhosts =")]);
        assert_eq!(placed[0].0, PluginAskKind::Credential);
        assert_eq!(asked(&[("scopes =", "pkce = false\nscopes =")])[0].0, PluginAskKind::Credential);
    }

    #[test]
    fn what_asks_for_no_more_asks_nothing() {
        for change in [
            vec![],
            vec![("[\"orders\"]", "[]")],
            vec![("hosts = [\"*.files.example\"]", "")],
            vec![("hosts = [\"*.files.example\"]", "hosts = [\"*.files.example\", \"a.files.example\"]")],
            vec![("shop.example/docs", "elsewhere.example/docs")],
            vec![("label = \"Store\"", "label = \"Store\"\nhelp_url = \"https://help.example\"")],
            vec![("[[actions]]\nname = \"refund\"\n", "")],
            vec![("[auth]", "[variables.note]\ntype = \"text\"\nlabel = \"Note\"\noptional = true\n[auth]")],
            vec![("[[actions]]", "[[streams]]\nname = \"more\"\nmode = \"full\"\nevery_minutes = 60\n[[actions]]")],
        ] {
            assert_eq!(asked(&change), [], "{change:?}");
        }
    }

    #[test]
    fn each_kind_has_words() {
        for (old, new, words) in [
            ("[\"orders\"]", "[\"orders\", \"people\"]", "the scope people"),
            ("name = \"people\"", "name = \"persons\"", "an end of the stream people"),
        ] {
            let asks = beyond(BEFORE, &BEFORE.replacen(old, new, 1));
            assert_eq!(asks.iter().map(in_words).collect::<Vec<_>>(), [words]);
        }
    }
}
