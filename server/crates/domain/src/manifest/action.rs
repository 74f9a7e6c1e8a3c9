//! What can be done at a provider, and what goes in and comes out.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use jsonschema::{PatternOptions, ValidationError, Validator, error::ValidationErrorKind};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What can be done.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionSpec {
    /// Its name: lower-case letters, digits and underscores.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// What goes in, as a JSON Schema (draft 2020-12) of an object. An input that is something else is refused before the
    /// plugin is called. Formats are checked; `$ref` leads to the schema's own `$defs`. Absent: anything.
    pub input: Option<ActionSchema>,
    /// What comes out, as a JSON Schema. A plugin that gives something else is told off. Absent: anything.
    pub output: Option<ActionSchema>,
    /// Seconds that one call may take at the most, 1 to 110.
    #[serde(default = "usual_timeout")]
    pub timeout_seconds: u32,
    /// Whether performing it twice with the same input is as good as once. Then a call whose worker died is performed
    /// again; else nobody can tell whether it was performed, and it is not repeated.
    #[serde(default)]
    pub is_idempotent: bool,
}

const fn usual_timeout() -> u32 {
    60
}

impl ActionSpec {
    /// How long one call may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout_seconds))
    }

    /// What is wrong with an input.
    #[must_use]
    pub fn input_flaws(&self, input: &Value) -> Vec<SchemaFlaw> {
        self.input.as_ref().map(|schema| schema.flaws(input)).unwrap_or_default()
    }

    /// What is wrong with an output.
    #[must_use]
    pub fn output_flaws(&self, output: &Value) -> Vec<SchemaFlaw> {
        self.output.as_ref().map(|schema| schema.flaws(output)).unwrap_or_default()
    }
}

/// A JSON Schema (draft 2020-12). Cheap to clone; compiled once. No reference in it leaves it, and its patterns are matched
/// in linear time.
#[derive(Clone)]
pub struct ActionSchema(Arc<Compiled>);

struct Compiled {
    schema: Value,
    validator: OnceLock<Result<Validator, SchemaFlaw>>,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaFlaw {
    /// The dotted path, `lines[0].amount`; empty for the whole.
    pub field: String,
    /// What it must be. Never the value that was given.
    pub message: String,
}

/// So many flaws are told at once.
const MOST_FLAWS: usize = 20;
/// Bytes that a compiled pattern may take.
const LARGEST_PATTERN: usize = 1 << 20;

impl ActionSchema {
    /// The schema itself.
    #[must_use]
    pub fn schema(&self) -> &Value {
        &self.0.schema
    }

    /// What is wrong with a value: what it must be, field by field.
    #[must_use]
    pub fn flaws(&self, value: &Value) -> Vec<SchemaFlaw> {
        match self.compiled() {
            Ok(validator) if validator.is_valid(value) => Vec::new(),
            Ok(validator) => validator.iter_errors(value).flat_map(|error| explain(&error)).take(MOST_FLAWS).collect(),
            // A manifest in hand was checked, and this would have come up.
            Err(flaw) => vec![flaw.clone()],
        }
    }

    /// Whether it is a schema.
    ///
    /// # Errors
    /// Where in the schema it is not, and why.
    pub(super) fn check(&self) -> Result<(), SchemaFlaw> {
        self.compiled().map(drop).map_err(Clone::clone)
    }

    fn compiled(&self) -> Result<&Validator, &SchemaFlaw> {
        self.0.validator.get_or_init(|| compile(&self.0.schema)).as_ref()
    }
}

fn compile(schema: &Value) -> Result<Validator, SchemaFlaw> {
    jsonschema::draft202012::options()
        .offline()
        .with_pattern_options(PatternOptions::regex().size_limit(LARGEST_PATTERN))
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false)
        .build(schema)
        .map_err(|error| SchemaFlaw { field: dotted(error.instance_path().as_str()), message: error.to_string() })
}

/// A JSON Pointer (RFC 6901) as the dotted path that errors name.
fn dotted(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push_str(&format!("[{part}]"));
        } else {
            join(&mut path, &part);
        }
    }
    path
}

fn join(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

/// In words, without the value that was given.
fn explain(error: &ValidationError<'_>) -> Vec<SchemaFlaw> {
    let at = dotted(error.instance_path().as_str());
    let below = |name: &str, message: &str| {
        let mut field = at.clone();
        join(&mut field, name);
        SchemaFlaw { field, message: message.to_owned() }
    };
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            vec![below(property.as_str().unwrap_or_default(), "is missing")]
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            unexpected.iter().map(|name| below(name, "does not belong here")).collect()
        }
        ValidationErrorKind::Pattern { pattern } => {
            vec![SchemaFlaw { field: at, message: format!("must match {pattern}") }]
        }
        ValidationErrorKind::Format { format } => {
            vec![SchemaFlaw { field: at, message: format!("must be a {format}") }]
        }
        _ => vec![SchemaFlaw { field: at, message: error.masked_with("what is given").to_string() }],
    }
}

impl fmt::Debug for ActionSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ActionSchema").field(&self.0.schema).finish()
    }
}

impl PartialEq for ActionSchema {
    fn eq(&self, other: &Self) -> bool {
        self.0.schema == other.0.schema
    }
}

impl Eq for ActionSchema {}

impl<'de> Deserialize<'de> for ActionSchema {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let schema = Value::deserialize(reader)?;
        Ok(Self(Arc::new(Compiled { schema, validator: OnceLock::new() })))
    }
}

impl JsonSchema for ActionSchema {
    fn schema_name() -> Cow<'static, str> {
        "ActionSchema".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "object" })
    }
}
