//! What a sync alone tells the plugin.

use plugin_host::Connection;
use serde_json::{Map, Value};
use store::SyncRow;

/// What the plugin knows of the connection while this sync runs: its parameters, and how far back the stream goes. Plugins
/// of the contract's first version do not know parameters; they find them among the connection's configuration.
#[must_use]
pub fn connection_for(mut connection: Connection, sync: &SyncRow, contract: &str) -> Connection {
    if contract.starts_with("1.") {
        connection.config = laid_over(&connection.config, &sync.params);
    }
    connection.params = sync.params.to_string();
    connection.since = sync.since.and_then(|since| u64::try_from(since.timestamp_millis()).ok());
    connection
}

/// A JSON object with the members of another in place of its own.
fn laid_over(config: &str, params: &Value) -> String {
    let Value::Object(params) = params else { return config.to_owned() };
    if params.is_empty() {
        return config.to_owned();
    }
    let mut all: Map<String, Value> = serde_json::from_str(config).unwrap_or_default();
    all.extend(params.clone());
    Value::Object(all).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn e_4_parameters_stand_in_place_of_the_configurations_members_of_the_same_name() {
        assert_eq!(laid_over("{\"a\": 1}", &json!({})), "{\"a\": 1}", "to the byte");
        assert_eq!(laid_over("{\"a\":1,\"b\":2}", &json!({ "b": 3, "c": [4] })), "{\"a\":1,\"b\":3,\"c\":[4]}");
        assert_eq!(laid_over("", &json!({ "b": 3 })), "{\"b\":3}");
    }
}
