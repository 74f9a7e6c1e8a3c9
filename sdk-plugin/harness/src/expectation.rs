//! What must come of a call.

use plugin_host::{Blame, Failure, Identity, Page, PluginError, Route};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Mismatch;

/// What must come of a call. Only what is named is compared, but a failure that is not expected always fails.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Ids of all records pulled, in order.
    pub items: Option<Vec<String>>,
    /// Bodies of some of them, by id; each field named must be in the body with this value.
    #[serde(default)]
    pub bodies: Map<String, Value>,
    /// Ids that the provider says are gone, in order.
    pub deleted: Option<Vec<String>>,
    /// How many pages it takes.
    pub pages: Option<usize>,
    /// The last cursor, as JSON; `null` if there must be none.
    #[serde(default, deserialize_with = "even_null")]
    pub cursor: Option<Value>,
    /// What an action, an identity call or the routing of a webhook gives; `null` for nothing.
    #[serde(default, deserialize_with = "even_null")]
    pub output: Option<Value>,
    /// The failure that it must end with, after the pages above.
    pub failure: Option<ExpectedFailure>,
}

/// A `null` that was written is something else than nothing written.
fn even_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A failure.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedFailure {
    /// `end_user`, `tenant`, `provider`, `plugin` or `cursor_expired`.
    pub blame: String,
    /// What its text must hold.
    #[serde(default)]
    pub message: String,
    /// In how many seconds to come back.
    pub retry_after: Option<u64>,
}

/// What came of a call.
pub(crate) struct Outcome {
    pub(crate) pages: Vec<Page>,
    pub(crate) output: Value,
    pub(crate) failure: Option<PluginError>,
}

impl Expectation {
    /// Compares.
    ///
    /// # Errors
    /// What differs.
    pub(crate) fn check(&self, outcome: &Outcome) -> Result<(), Mismatch> {
        match (&self.failure, &outcome.failure) {
            (None, None) => {}
            (None, Some(error)) => return Err(Mismatch(format!("it failed: {error}"))),
            (Some(expected), None) => {
                return Err(Mismatch(format!("it succeeded, but should fail and blame {}", expected.blame)));
            }
            (Some(expected), Some(error)) => check_failure(expected, error)?,
        }
        let pages = &outcome.pages;
        let ids: Vec<&String> = pages.iter().flat_map(|p| &p.items).map(|i| &i.id).collect();
        let deleted: Vec<&String> = pages.iter().flat_map(|p| &p.deleted).collect();
        same("items", self.items.as_ref().map(|e| json!(e)), || json!(ids))?;
        same("deleted", self.deleted.as_ref().map(|e| json!(e)), || json!(deleted))?;
        same("pages", self.pages.map(|e| json!(e)), || json!(pages.len()))?;
        same("output", self.output.clone(), || outcome.output.clone())?;
        let cursor = || pages.last().and_then(|p| p.cursor.as_deref()).map_or(Value::Null, cursor_value);
        same("cursor", self.cursor.clone(), cursor)?;
        for (id, fields) in &self.bodies {
            let item = pages.iter().flat_map(|p| &p.items).find(|i| &i.id == id);
            let body = item.and_then(|i| serde_json::from_str::<Value>(&i.body).ok()).unwrap_or_default();
            for (name, value) in fields.as_object().into_iter().flatten() {
                same(&format!("{name} of {id}"), Some(value.clone()), || body.get(name).cloned().unwrap_or_default())?;
            }
        }
        Ok(())
    }
}

/// A cursor as JSON if it is JSON, else as a text.
pub(crate) fn cursor_value(cursor: &str) -> Value {
    serde_json::from_str(cursor).unwrap_or_else(|_| Value::String(cursor.to_owned()))
}

fn same(what: &str, expected: Option<Value>, found: impl FnOnce() -> Value) -> Result<(), Mismatch> {
    let Some(expected) = expected else { return Ok(()) };
    let found = found();
    if found == expected {
        return Ok(());
    }
    Err(Mismatch(format!("{what} differ:\n  expected {expected}\n  found    {found}")))
}

fn check_failure(expected: &ExpectedFailure, error: &PluginError) -> Result<(), Mismatch> {
    let wait = match error {
        PluginError::Failure(Failure { retry_after, .. }) => retry_after.map(|w| w.as_secs()),
        _ => None,
    };
    let (text, blame) = (error.to_string(), blame_name(error.blame()));
    if blame == expected.blame && text.contains(&expected.message) && wait == expected.retry_after {
        return Ok(());
    }
    let ExpectedFailure { blame: e_blame, message, retry_after } = expected;
    Err(Mismatch(format!(
        "the failure differs:\n  expected blame {e_blame}, retry after {retry_after:?}, with: {message}\n  found    blame {blame}, retry after {wait:?}: {text}"
    )))
}

pub(crate) fn blame_name(blame: Blame) -> &'static str {
    match blame {
        Blame::EndUser => "end_user",
        Blame::Tenant => "tenant",
        Blame::Provider => "provider",
        Blame::Plugin => "plugin",
        Blame::CursorExpired => "cursor_expired",
        Blame::Us => "us",
    }
}

pub(crate) fn identity_value(identity: Option<Identity>) -> Value {
    identity.map_or(Value::Null, |i| json!({ "account": i.account, "name": i.name }))
}

pub(crate) fn routes_value(routes: Vec<Route>) -> Value {
    let shown = |route: Route| {
        let mut shown = json!({ "account": route.account, "streams": route.streams });
        // Said only where there are some, so that fixtures of plugins that know of none stay as they are.
        if let (false, Some(fields)) = (route.deleted.is_empty(), shown.as_object_mut()) {
            fields.insert(
                "deleted".to_owned(),
                route.deleted.into_iter().map(|(stream, ids)| (stream, json!(ids))).collect::<Map<_, _>>().into(),
            );
        }
        shown
    };
    routes.into_iter().map(shown).collect()
}

pub(crate) fn failure_value(failure: Option<Failure>) -> Value {
    failure.map_or(Value::Null, |f| json!({ "blame": blame_name(f.blame), "message": f.message, "retry_after": f.retry_after.map(|w| w.as_secs()) }))
}
