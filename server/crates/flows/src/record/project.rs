//! Some of a record's fields in the place of all.

use serde_json::{Map, Value};

/// The most fields that can be asked for.
const MOST: usize = 100;
/// The most bytes of all their names.
const MOST_BYTES: usize = 4096;

/// Fields of records, by their dotted paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields(Vec<Vec<String>>);

impl Fields {
    /// Reads `name,customer.name,customer.address.city`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MOST_BYTES {
            return Err(format!("may have {MOST_BYTES} bytes at most"));
        }
        let paths: Vec<Vec<String>> =
            text.split(',').map(|path| path.split('.').map(|name| name.trim().to_owned()).collect()).collect();
        if paths.len() > MOST {
            return Err(format!("may name {MOST} fields at most"));
        }
        if paths.iter().flatten().any(String::is_empty) {
            return Err("must be names of fields with commas between them, such as `name,customer.email`".to_owned());
        }
        Ok(Self(paths))
    }

    /// These fields of a record, in the order in which they were asked for; those that it lacks are absent.
    ///
    /// # Errors
    /// The text is not JSON.
    pub fn of(&self, text: &str) -> Result<String, serde_json::Error> {
        let whole: Value = serde_json::from_str(text)?;
        let mut some = Map::new();
        for path in &self.0 {
            let found = path.iter().try_fold(&whole, |value, name| value.as_object()?.get(name));
            if let Some(found) = found {
                put(&mut some, path, found.clone());
            }
        }
        serde_json::to_string(&some)
    }
}

fn put(into: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [name] => {
            into.insert(name.clone(), value);
        }
        [name, rest @ ..] => {
            // Whoever asks for a whole and a part of it has the whole.
            let inner = into.entry(name.as_str()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_6_fields_are_picked_by_their_paths() {
        let record =
            r#"{"id":1,"customer":{"name":"A","mail":{"work":"w","home":null}},"tags":["x"],"n":12345678901234567890}"#;
        for (fields, expected) in [
            ("id", r#"{"id":1}"#),
            ("customer.name,id", r#"{"customer":{"name":"A"},"id":1}"#),
            ("customer.mail.home,customer.name", r#"{"customer":{"mail":{"home":null},"name":"A"}}"#),
            ("customer,customer.name", r#"{"customer":{"name":"A","mail":{"work":"w","home":null}}}"#),
            ("nothing,tags.x,tags", r#"{"tags":["x"]}"#),
            ("n, id", r#"{"n":12345678901234567890,"id":1}"#),
        ] {
            assert_eq!(Fields::parse(fields).unwrap().of(record).unwrap(), expected, "{fields}");
        }
    }

    #[test]
    fn what_names_no_fields_is_refused() {
        for text in ["", ",", "a,", "a..b", ".a", "a. ", &"a".repeat(MOST_BYTES + 1), &vec!["a"; MOST + 1].join(",")] {
            assert!(Fields::parse(text).is_err(), "{text}");
        }
    }
}
