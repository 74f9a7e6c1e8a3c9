//! Dotted paths into JSON: `data.accounts.0.id`.

use serde_json::Value;

/// What lies at the path: names of members and positions in arrays, with dots between. A member whose own name has dots
/// in it is found too, when nothing lies at the nested path. `None` if there is nothing or `null`.
#[must_use]
pub fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let nested = path.split('.').try_fold(value, |at, name| match at {
        Value::Object(members) => members.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    });
    nested.or_else(|| value.get(path)).filter(|found| !found.is_null())
}

/// What lies at the path as text, if it is a non-empty text or a number.
#[must_use]
pub fn text(value: &Value, path: &str) -> Option<String> {
    match find(value, path)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_through_objects_and_arrays() {
        let value =
            json!({"data": {"accounts": [{"id": 9_007_199_254_740_993_u64}]}, "a.b": "dotted", "n": null, "e": ""});
        assert_eq!(text(&value, "data.accounts.0.id").as_deref(), Some("9007199254740993"));
        assert_eq!(text(&value, "a.b").as_deref(), Some("dotted"));
        for missing in ["", ".", "data.", "data.accounts.1", "data.accounts.-1", "n", "n.x", "e", "data.accounts"] {
            assert_eq!(text(&value, missing), None, "{missing}");
        }
    }
}
