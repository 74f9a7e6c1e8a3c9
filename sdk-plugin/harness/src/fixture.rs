//! The format of `fixtures/*.json`.

use std::{collections::BTreeMap, path::Path};

use chrono::{DateTime, Utc};
use plugin_host::Connection;
use serde::Deserialize;
use serde_json::Value;

use crate::{Expectation, Mismatch};

/// One recorded story: what is called, what the plugin asks and is answered, and what must come of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// What it shows.
    pub about: String,
    /// The host's clock, which stands still. 2026-01-01T00:00:00Z if nothing is said.
    #[serde(default = "new_year")]
    pub now: DateTime<Utc>,
    /// Values of the manifest's variables.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// The connection's configuration.
    #[serde(default = "empty_object")]
    pub config: Value,
    /// The connected account, if it is known.
    pub account: Option<String>,
    /// The connection's own address for webhooks, if it has one.
    pub webhook_url: Option<String>,
    /// The parameters of the sync that runs.
    #[serde(default = "empty_object")]
    pub params: Value,
    /// A pull from the beginning need not go further back.
    pub since: Option<DateTime<Utc>>,
    /// What is called.
    pub call: Call,
    /// What goes out and comes back, in this order.
    #[serde(default)]
    pub exchanges: Vec<Exchange>,
    /// What must come of it.
    pub expect: Expectation,
}

/// What is called.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Call {
    /// Pages of a stream until there are no more.
    Pull {
        /// The stream.
        stream: String,
        /// Where to begin, as JSON; nothing for the beginning.
        cursor: Option<Value>,
    },
    /// An action.
    Act {
        /// Its name.
        action: String,
        /// Its input.
        input: Value,
    },
    /// Checks the credential.
    Verify {},
    /// Reads who is behind the connection.
    Identify {},
    /// Says whom a webhook concerns.
    RouteWebhook(RecordedWebhook),
    /// After a connection was made.
    AfterConnect {},
    /// Before a connection is deleted.
    BeforeDelete {},
    /// Turns an answer into a failure.
    ClassifyError {
        /// The answer's status.
        status: u16,
        /// The answer's body, as text or as JSON.
        body: Value,
    },
}

/// A webhook whose signature was verified.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedWebhook {
    /// The connection whose own address it came to; nothing for the integration's.
    pub connection: Option<String>,
    /// The delivery's id, what happened and to which account, as the manifest reads them.
    pub id: Option<String>,
    /// See `id`.
    pub event: Option<String>,
    /// See `id`.
    pub account: Option<String>,
    /// The query of the address that it came to.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Names in lower case with their values.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, as text or as JSON.
    pub body: Value,
}

/// One request and what came back: a response, or a fault.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// What the plugin must ask.
    pub request: RecordedRequest,
    /// What it is answered.
    pub response: Option<RecordedResponse>,
    /// Or what went wrong instead.
    pub fault: Option<RecordedFault>,
}

/// What the plugin must ask.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedRequest {
    /// The method; GET if nothing is said.
    #[serde(default = "get")]
    pub method: String,
    /// Absolute, or below the provider's base URL.
    pub url: String,
    /// Headers that must be there, names in lower case; others may.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, compared as JSON if it is JSON.
    pub body: Option<Value>,
}

/// An answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedResponse {
    /// The status.
    pub status: u16,
    /// Names with their values.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, as text or as JSON.
    #[serde(default)]
    pub body: Value,
}

/// What can go wrong instead of an answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedFault {
    /// No answer in time.
    Timeout,
    /// The answer was larger than allowed.
    TooLarge,
    /// Not before so many seconds.
    Throttled(u32),
    /// The credential is not usable.
    Unauthorized,
    /// The connection failed, and how.
    Transport(String),
}

impl Fixture {
    /// A call for a connection that nothing is recorded of yet.
    pub(crate) fn live(connection: &Connection, now: DateTime<Utc>, call: Call) -> Self {
        let object = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| empty_object());
        let since = connection.since.and_then(|since| i64::try_from(since).ok());
        Self {
            about: String::new(),
            now,
            variables: connection.variables.iter().cloned().collect(),
            config: object(&connection.config),
            account: connection.account.clone(),
            webhook_url: connection.webhook_url.clone(),
            params: object(&connection.params),
            since: since.and_then(DateTime::from_timestamp_millis),
            call,
            exchanges: Vec::new(),
            expect: Expectation::default(),
        }
    }

    /// Reads a fixture.
    ///
    /// # Errors
    /// It cannot be read, or is not of this format; the text names file, line and field.
    pub fn read(path: &Path) -> Result<Self, Mismatch> {
        let failed = |e: &dyn std::fmt::Display| Mismatch(format!("{}: {e}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|e| failed(&e))?;
        let fixture: Self = serde_json::from_str(&text).map_err(|e| {
            let what = if e.is_data() { "not a fixture" } else { "not JSON" };
            failed(&format!("{what}: {e}. What a fixture holds stands in sdk-plugin/README.md, under Test"))
        })?;
        match fixture.exchanges.iter().position(|e| e.response.is_some() == e.fault.is_some()) {
            Some(at) => Err(failed(&format!("exchange {} needs a response or a fault", at.saturating_add(1)))),
            None => Ok(fixture),
        }
    }
}

/// A body as recorded: a text as it stands, nothing for null, anything else as JSON.
pub(crate) fn body_bytes(body: &Value) -> Vec<u8> {
    match body {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    }
}

fn new_year() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default()
}

fn empty_object() -> Value {
    Value::Object(serde_json::Map::new())
}

fn get() -> String {
    "GET".into()
}
