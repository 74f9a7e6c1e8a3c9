//! Reading an action's input.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Failure;

/// An action's input as `T`. `form` shows how it is written, `{"id": "…"}` for one.
///
/// # Errors
/// The tenant is to blame if it does not fit: the text says how it is written and what is wrong.
pub fn read_input<T: DeserializeOwned>(input: Value, form: &str) -> Result<T, Failure> {
    serde_json::from_value(input).map_err(|e| Failure::tenant(format!("The input must be {form}: {e}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read_input;
    use crate::Blame;

    #[test]
    fn what_does_not_fit_is_the_tenants_and_says_how_it_is_written() {
        let read: std::collections::BTreeMap<String, u8> = read_input(json!({ "id": 1 }), "{\"id\": 1}").unwrap();
        assert_eq!(read["id"], 1);
        let failure = read_input::<Vec<u8>>(json!({}), "[1]").unwrap_err();
        assert_eq!(failure.blame, Blame::Tenant);
        assert!(failure.message.starts_with("The input must be [1]: "), "{}", failure.message);
    }
}
