//! The rules for actions, and for the schemas of what goes in and comes out.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Finding, Rules, closest, places::join};
use crate::manifest::ActionSchema;

/// The longest time that one call may take: a plugin's call ends soon after.
const LONGEST_SECONDS: u32 = 110;
/// Places in a schema, with what references lead to counted each time: what it costs to check a value grows with them.
const MOST_PLACES: u64 = 2_000;
/// What a schema may say about the draft that it is written in.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What stands behind a keyword.
#[derive(Clone, Copy, PartialEq)]
enum Holds {
    /// A value.
    Value,
    /// A schema.
    Schema,
    /// A list of schemas.
    List,
    /// Schemas by name.
    Named,
    /// Schemas by name that count where a reference leads to them.
    Definitions,
    /// A reference.
    Reference,
}

/// The keywords of draft 2020-12 that can be used: all but those that lead out of the schema, or to a place that depends on
/// how it was come to.
const KEYWORDS: &[(&str, Holds)] = &[
    ("$comment", Holds::Value),
    ("$defs", Holds::Definitions),
    ("$ref", Holds::Reference),
    ("$schema", Holds::Value),
    ("additionalProperties", Holds::Schema),
    ("allOf", Holds::List),
    ("anyOf", Holds::List),
    ("const", Holds::Value),
    ("contains", Holds::Schema),
    ("contentEncoding", Holds::Value),
    ("contentMediaType", Holds::Value),
    ("default", Holds::Value),
    ("dependentRequired", Holds::Value),
    ("dependentSchemas", Holds::Named),
    ("deprecated", Holds::Value),
    ("description", Holds::Value),
    ("else", Holds::Schema),
    ("enum", Holds::Value),
    ("examples", Holds::Value),
    ("exclusiveMaximum", Holds::Value),
    ("exclusiveMinimum", Holds::Value),
    ("format", Holds::Value),
    ("if", Holds::Schema),
    ("items", Holds::Schema),
    ("maxContains", Holds::Value),
    ("maxItems", Holds::Value),
    ("maxLength", Holds::Value),
    ("maxProperties", Holds::Value),
    ("maximum", Holds::Value),
    ("minContains", Holds::Value),
    ("minItems", Holds::Value),
    ("minLength", Holds::Value),
    ("minProperties", Holds::Value),
    ("minimum", Holds::Value),
    ("multipleOf", Holds::Value),
    ("not", Holds::Schema),
    ("oneOf", Holds::List),
    ("pattern", Holds::Value),
    ("patternProperties", Holds::Named),
    ("prefixItems", Holds::List),
    ("properties", Holds::Named),
    ("propertyNames", Holds::Schema),
    ("readOnly", Holds::Value),
    ("required", Holds::Value),
    ("then", Holds::Schema),
    ("title", Holds::Value),
    ("type", Holds::Value),
    ("unevaluatedItems", Holds::Schema),
    ("unevaluatedProperties", Holds::Schema),
    ("uniqueItems", Holds::Value),
    ("writeOnly", Holds::Value),
];

impl Rules<'_> {
    /// What actions take and give, and how long they may take for it.
    pub(super) fn actions(&mut self) {
        let manifest = self.manifest;
        for (at, action) in manifest.actions.iter().enumerate() {
            if !(1..=LONGEST_SECONDS).contains(&action.timeout_seconds) {
                let message = format!("write 1 to {LONGEST_SECONDS}");
                self.refuse(format!("actions[{at}].timeout_seconds"), message);
            }
            if let Some(schema) = &action.input {
                let field = format!("actions[{at}].input");
                if schema.schema().get("type").and_then(Value::as_str) != Some("object") {
                    self.refuse(join(&field, "type"), "what goes in is an object: write type = \"object\"");
                }
                self.schema(&field, schema);
            }
            if let Some(schema) = &action.output {
                self.schema(&format!("actions[{at}].output"), schema);
            }
        }
    }

    fn schema(&mut self, field: &str, schema: &ActionSchema) {
        let mut walk = Walk { root: schema.schema(), field, sizes: BTreeMap::new(), found: Vec::new() };
        let places = walk.schema(schema.schema(), field);
        let mut found = walk.found;
        if found.is_empty() && places > MOST_PLACES {
            let message = format!("has {places} places with what its references lead to; {MOST_PLACES} are allowed");
            found.push(Finding::new(field, message));
        }
        // A schema that leads nowhere, or in circles, is not compiled.
        if found.is_empty()
            && let Err(flaw) = schema.check()
        {
            found.push(Finding::new(join(field, &flaw.field).trim_end_matches('.'), flaw.message));
        }
        self.found.extend(found);
    }
}

/// Walks a schema, counts its places and notes what cannot stand there.
struct Walk<'a> {
    root: &'a Value,
    field: &'a str,
    /// The places of each definition; none while it is being counted.
    sizes: BTreeMap<&'a str, Option<u64>>,
    found: Vec<Finding>,
}

impl<'a> Walk<'a> {
    fn refuse(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.found.push(Finding::new(field, message));
    }

    fn schema(&mut self, schema: &'a Value, at: &str) -> u64 {
        match schema {
            Value::Bool(_) => 1,
            Value::Object(keywords) => self.keywords(keywords, at),
            _ => {
                self.refuse(at, "a schema is a table, or true or false");
                1
            }
        }
    }

    fn keywords(&mut self, keywords: &'a Map<String, Value>, at: &str) -> u64 {
        let mut places = 1_u64;
        for (keyword, value) in keywords {
            let field = join(at, keyword);
            let holds = KEYWORDS.iter().find(|(known, _)| known == keyword).map(|(_, holds)| *holds);
            places = places.saturating_add(match holds {
                Some(Holds::Value) => {
                    self.value(keyword, value, &field, at);
                    0
                }
                Some(Holds::Schema) => self.schema(value, &field),
                Some(Holds::List) => {
                    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                    sum(items.iter().enumerate().map(|(number, item)| self.schema(item, &format!("{field}[{number}]"))))
                }
                Some(Holds::Named) => sum(members(value).map(|(name, item)| self.schema(item, &join(&field, name)))),
                Some(Holds::Definitions) => {
                    if at == self.field {
                        for (name, _) in members(value) {
                            self.definition(name, &field);
                        }
                    } else {
                        self.refuse(&field, "stands at the schema's own top");
                    }
                    0
                }
                Some(Holds::Reference) => self.reference(value, &field),
                None => {
                    self.unknown(keyword, field);
                    0
                }
            });
        }
        places
    }

    fn value(&mut self, keyword: &str, value: &Value, field: &str, at: &str) {
        if keyword == "$schema" && (at != self.field || value.as_str() != Some(DRAFT)) {
            self.refuse(field, format!("leave it out, or write \"{DRAFT}\" at the schema's top"));
        }
        if has_date(value) {
            self.refuse(field, "JSON has no dates: write it as a text, in quotes");
        }
    }

    fn unknown(&mut self, keyword: &str, field: String) {
        // What tools of the author's own read.
        if keyword.starts_with("x-") {
            return;
        }
        let suggestion = match keyword {
            "definitions" => Some("$defs"),
            _ => closest(keyword, KEYWORDS.iter().map(|(known, _)| *known)),
        };
        let hint = if suggestion.is_some() { "" } else { "; a name of your own begins with `x-`" };
        let message = format!("`{keyword}` is no keyword that can be used here{hint}");
        self.found.push(Finding::new(field, message).suggest(suggestion));
    }

    fn reference(&mut self, value: &'a Value, field: &str) -> u64 {
        let name = value.as_str().and_then(|to| to.strip_prefix("#/$defs/"));
        let name = name.filter(|name| !name.is_empty() && !name.contains(['/', '~', '%']));
        let Some(name) = name else {
            self.refuse(field, "write \"#/$defs/NAME\": a reference leads to a definition of the same schema");
            return 0;
        };
        self.definition(name, field)
    }

    /// The places of a definition, which somebody refers to at `from`.
    fn definition(&mut self, name: &'a str, from: &str) -> u64 {
        match self.sizes.get(name) {
            Some(Some(places)) => return *places,
            Some(None) => {
                self.refuse(from, format!("`{name}` holds itself; a schema that goes on for ever is not checked"));
                return 0;
            }
            None => {}
        }
        let Some(definition) = self.root.get("$defs").and_then(|all| all.get(name)) else {
            self.refuse(from, format!("there is no `{name}` in $defs"));
            return 0;
        };
        self.sizes.insert(name, None);
        let at = join(&join(self.field, "$defs"), name);
        let places = self.schema(definition, &at);
        self.sizes.insert(name, Some(places));
        places
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn sum(places: impl Iterator<Item = u64>) -> u64 {
    places.fold(0, u64::saturating_add)
}

/// Whether a date of TOML stands in it, which JSON has none of: it is read as a table with this name.
fn has_date(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_date),
        Value::Object(members) => members.iter().any(|(name, item)| name.starts_with("$__toml") || has_date(item)),
        _ => false,
    }
}
