//! The manifest's schema for editors and for readers, both made from the types that read it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Manifest;

/// The JSON Schema of `provider.toml` (draft 2020-12).
#[must_use]
pub fn json_schema() -> Value {
    let generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Manifest>().to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".into(), "Provider manifest".into());
    }
    without_null(&mut schema);
    schema
}

/// The same, as a file's text.
#[must_use]
pub fn json_schema_text() -> String {
    format!("{:#}", json_schema())
}

/// TOML has no null: what may be absent is simply not required.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.values_mut().for_each(without_null);
            if let Some(Value::Array(kinds)) = object.get_mut("type") {
                kinds.retain(|kind| kind != "null");
                if let [only] = kinds.as_slice() {
                    let only = only.clone();
                    object.insert("type".into(), only);
                }
            }
            let is_null = |kind: &Value| kind.get("type").is_some_and(|kind| kind == "null");
            if let Some(Value::Array(kinds)) = object.get_mut("anyOf") {
                kinds.retain(|kind| !is_null(kind));
                if let [Value::Object(only)] = kinds.as_slice() {
                    let only = only.clone();
                    object.remove("anyOf");
                    object.extend(only);
                }
            }
            if object.get("default").is_some_and(Value::is_null) {
                object.remove("default");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}

const FRONT: &str = r#"# The provider manifest

A provider is described by one TOML file: `provider.toml` beside its code, or `plugins/catalog/<slug>.toml` where data is
all there is. It is checked when it is read; errors name file, line and field. `patchbay provider check FILE` checks one,
`patchbay provider try FILE` connects an account with it from the terminal. Editors that know JSON Schema are helped by
`provider.schema.json`.

```toml
schema = 1
slug = "tea-house"
name = "Tea House"
category = "commerce"
docs = "https://tea-house.example/developers"

[variables.shop]
type = "label"
label = "Shop name"

[auth]
mode = "oauth2_code"
authorization_url = "https://{shop}.tea-house.example/authorize"
token_url = "https://{shop}.tea-house.example/token"
scopes = ["orders:read"]

[api]
base_url = "https://{shop}.tea-house.example/api"

[identity]
url = "/me"
account = "id"
name = "shop.name"
```

## Holes

`{name}` in a text or URL is filled with the value of the variable of that name. `{name.group}` is what the named group of
the variable's `pattern` matched. In a text, a brace itself is written twice.

In URLs, no value can lead to another host: an `origin` stands at the beginning, a `label` in a host with a fixed end, a
`choice` anywhere, and text in the path or query only, percent-encoded. A secret never stands in a URL.

Beside variables, texts know what the place has:

| where | known |
| --- | --- |
| everywhere, where the integration has an OAuth client | `{client_id}`, `{client_secret}` |
| `api.credential`, `auth.long_lived` | `{access_token}` |
| a session's steps | what earlier steps took, and `{jwt}` where the step signs one |
| `auth.exchange` of a JWT | `{jwt}` |
| `auth.token` of an app installation | `{jwt}`, `{installation_id}` |
| `revocation.call` | `{access_token}`, `{refresh_token}`, and `{jwt}` and `{installation_id}` of an app |
| `api.credential.sign` with `scheme = "hmac"` | see there |
| `webhook.message` | `{body}`, `{timestamp}`, `{url}`, `{id}` |

A part of a request that names an optional variable which was left empty is left out.

"#;

/// The reference as a page, in Markdown: each table with its fields.
#[must_use]
pub fn reference() -> String {
    let schema = json_schema();
    let empty = Map::new();
    let definitions = schema.get("$defs").and_then(Value::as_object).unwrap_or(&empty);
    let mut page = String::from(FRONT);
    let mut uses = BTreeMap::new();
    note_uses(&schema, "", definitions, &mut uses, 0);
    page.push_str("## The file\n\n");
    fields(&schema, &mut page);
    let mut order = Vec::new();
    in_order(&schema, definitions, &mut order);
    for name in order {
        let Some(definition) = definitions.get(&name) else { continue };
        page.push_str(&format!("\n## {}\n\n", title(&name)));
        if let Some(places) = uses.get(&name) {
            let places: Vec<String> = places.iter().map(|place| format!("`{place}`")).collect();
            page.push_str(&format!("At {}.\n\n", places.join(", ")));
        }
        section(definition, &mut page);
        page.truncate(page.trim_end().len());
        page.push('\n');
    }
    page
}

/// A definition's name as a heading.
fn title(name: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for letter in name.strip_suffix("Spec").unwrap_or(name).replace("OAuth", "Oauth").chars() {
        match words.last_mut() {
            Some(word) if !letter.is_ascii_uppercase() => word.push(letter),
            _ => words.push(letter.to_string()),
        }
    }
    let written = |(at, word): (usize, String)| match word.as_str() {
        "Url" | "Jwt" | "Api" | "Mcp" | "Hmac" => word.to_uppercase(),
        "Oauth1" => "OAuth 1".into(),
        "Oauth2" => "OAuth 2".into(),
        _ if at > 0 => word.to_lowercase(),
        _ => word,
    };
    words.into_iter().enumerate().map(written).collect::<Vec<_>>().join(" ")
}

fn anchor(name: &str) -> String {
    title(name).to_lowercase().replace(' ', "-")
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The name of the definition that a field points at, directly or as what a list or a table holds.
fn points_at(field: &Value) -> Option<&str> {
    let inner = field.get("items").or_else(|| field.get("additionalProperties")).unwrap_or(field);
    inner.get("$ref")?.as_str()?.rsplit('/').next()
}

fn variants(schema: &Value) -> impl Iterator<Item = &Value> {
    schema.get("oneOf").and_then(Value::as_array).into_iter().flatten()
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// Definitions in the order in which a reader meets them.
fn in_order(schema: &Value, definitions: &Map<String, Value>, order: &mut Vec<String>) {
    let own = properties(schema).chain(variants(schema).flat_map(properties));
    for name in own.filter_map(|(_, field)| points_at(field)) {
        if !order.iter().any(|known| known == name) {
            order.push(name.to_owned());
            if let Some(definition) = definitions.get(name) {
                in_order(definition, definitions, order);
            }
        }
    }
}

/// Where each table is used, by its path in the file.
fn note_uses(
    schema: &Value,
    path: &str,
    definitions: &Map<String, Value>,
    uses: &mut BTreeMap<String, BTreeSet<String>>,
    depth: usize,
) {
    let own = properties(schema).chain(variants(schema).flat_map(properties));
    for (name, field) in own {
        let Some(target) = points_at(field) else { continue };
        let Some(definition) = definitions.get(target) else { continue };
        let is_table =
            properties(definition).next().is_some() || variants(definition).flat_map(properties).next().is_some();
        if !is_table {
            continue;
        }
        let dot = if path.is_empty() { "" } else { "." };
        let many = if field.get("items").is_some() {
            "[]"
        } else if field.get("additionalProperties").is_some() {
            ".…"
        } else {
            ""
        };
        let here = format!("{path}{dot}{name}{many}");
        uses.entry(target.to_owned()).or_default().insert(here.clone());
        // A definition that holds itself would go on for ever.
        if depth < 5 {
            note_uses(definition, &here, definitions, uses, depth + 1);
        }
    }
}

fn section(definition: &Value, page: &mut String) {
    page.push_str(text(definition, "description"));
    page.push_str("\n\n");
    let all: Vec<&Value> = variants(definition).collect();
    if all.is_empty() {
        if let Some(Value::Array(values)) = definition.get("enum") {
            let values: Vec<String> = values.iter().map(|value| format!("`{}`", shown(value))).collect();
            page.push_str(&format!("One of {}.\n", values.join(", ")));
        } else if definition.get("properties").is_some() {
            fields(definition, page);
        }
        return;
    }
    if all.iter().all(|variant| variant.get("properties").is_none()) {
        page.push_str("| value | meaning |\n| --- | --- |\n");
        for variant in all {
            let values = match (variant.get("const"), variant.get("enum")) {
                (Some(value), _) => vec![shown(value)],
                (None, Some(Value::Array(values))) => values.iter().map(shown).collect(),
                _ => Vec::new(),
            };
            for value in values {
                page.push_str(&format!("| `{value}` | {} |\n", cell(text(variant, "description"))));
            }
        }
        return;
    }
    // Kinds that have the same fields share a table.
    let mut seen: Vec<(String, Vec<&Value>)> = Vec::new();
    for variant in all {
        let mut table = String::new();
        fields(variant, &mut table);
        let table =
            table.lines().filter(|line| !line.contains("| exactly `")).map(|line| format!("{line}\n")).collect();
        match seen.iter_mut().find(|(known, _)| *known == table) {
            Some((_, variants)) => variants.push(variant),
            None => seen.push((table, vec![variant])),
        }
    }
    for (table, variants) in seen {
        for variant in variants {
            let tag = properties(variant).find_map(|(name, field)| Some((name, field.get("const")?.as_str()?)));
            let Some((name, value)) = tag else { continue };
            page.push_str(&format!("**`{name} = \"{value}\"`**: {}\n\n", text(variant, "description")));
        }
        if table.lines().count() > 2 {
            page.push_str(&table);
            page.push('\n');
        }
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
}

/// A table of the fields of a schema.
fn fields(schema: &Value, page: &mut String) {
    let required: BTreeSet<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    page.push_str("| field | type | default | meaning |\n| --- | --- | --- | --- |\n");
    for (name, field) in properties(schema) {
        let default = match field.get("default") {
            _ if required.contains(name.as_str()) => "needed".to_owned(),
            Some(Value::String(text)) if text.is_empty() => String::new(),
            Some(Value::Array(items)) if items.is_empty() => String::new(),
            Some(Value::Object(members)) if members.is_empty() => String::new(),
            Some(Value::String(text)) => format!("`\"{text}\"`"),
            Some(value) => format!("`{value}`"),
            None => String::new(),
        };
        let meaning = cell(text(field, "description"));
        page.push_str(&format!("| `{name}` | {} | {default} | {meaning} |\n", kind(field)));
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), Into::into)
}

fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

fn kind(field: &Value) -> String {
    if let Some(value) = field.get("const") {
        return format!("exactly `{}`", shown(value));
    }
    if let Some(Value::Array(values)) = field.get("enum") {
        let values: Vec<String> = values.iter().map(|value| format!("`{}`", shown(value))).collect();
        return format!("one of {}", values.join(", "));
    }
    let link = |name: &str| format!("[{}](#{})", title(name), anchor(name));
    if let Some(target) = field.get("$ref").and_then(Value::as_str).and_then(|target| target.rsplit('/').next()) {
        return link(target);
    }
    match text(field, "type") {
        "string" if text(field, "format") == "date" => "date".into(),
        "string" => "text".into(),
        "boolean" => "true or false".into(),
        "integer" => "whole number".into(),
        "array" => format!("list of {}", field.get("items").map_or_else(|| "anything".into(), kind)),
        "object" => match field.get("additionalProperties") {
            Some(inner) if inner.is_object() => format!("table of {}", kind(inner)),
            _ => "table".into(),
        },
        other => other.to_owned(),
    }
}
