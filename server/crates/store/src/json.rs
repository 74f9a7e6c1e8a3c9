//! Columns of JSON that hold an object of texts.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::StoreError;

/// Reads an object whose values are texts.
pub(crate) fn texts(table: &'static str, column: &str, value: Value) -> Result<BTreeMap<String, String>, StoreError> {
    serde_json::from_value(value).map_err(|error| StoreError::Corrupt { table, what: format!("{column}: {error}") })
}

/// Writes an object whose values are texts.
pub(crate) fn object(texts: &BTreeMap<String, String>) -> Value {
    texts.iter().map(|(name, text)| (name.clone(), Value::String(text.clone()))).collect()
}
