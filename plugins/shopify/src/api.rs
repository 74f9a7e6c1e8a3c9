//! Shopify's GraphQL: a refusal is mostly a 200 with `errors`, and its limit is a bucket of points that leaks.

use patchbay_plugin::{Failure, Response, Value, answered, http, json};
use serde::Deserialize;

/// What an answer says beside its data. REST's refusals have a text, or texts by field, under the same name.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Said {
    errors: Value,
    extensions: Extensions,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Extensions {
    cost: Cost,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Cost {
    requested_query_cost: f64,
    throttle_status: Bucket,
}

/// The bucket: how many points are in it, and how many come back in a second.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Bucket {
    currently_available: f64,
    restore_rate: f64,
}

impl Cost {
    /// Seconds until there are points enough for the same query.
    fn wait(&self) -> u32 {
        let missing = self.requested_query_cost - self.throttle_status.currently_available;
        let rate = self.throttle_status.restore_rate;
        if missing <= 0.0 || rate <= 0.0 {
            return 1;
        }
        // Counted up: numbers are not turned into integers that they may not fit.
        (1..=600).find(|seconds| f64::from(*seconds) * rate >= missing).unwrap_or(600)
    }
}

/// Asks, and gives an answer without errors.
pub fn ask(query: &str, variables: &Value) -> Result<Response, Failure> {
    let body = json!({ "query": query, "variables": variables });
    let answer = http::post("/graphql.json").json(&body)?.send()?;
    match failure(answer.status, &answer.body, answer.retry_after()) {
        Some(failure) => Err(failure),
        None => Ok(answer),
    }
}

/// The data of an answer.
pub fn data<'a, T: Deserialize<'a>>(answer: &'a Response) -> Result<T, Failure> {
    #[derive(Deserialize)]
    struct Answer<T> {
        data: T,
    }
    answer.records::<Answer<T>>().map(|answer| answer.data)
}

/// The failure that an answer stands for; none if it is a success.
pub fn failure(status: u16, body: &[u8], retry_after: Option<u32>) -> Option<Failure> {
    let said: Said = json::from_slice(body).unwrap_or_default();
    let first = said.errors.get(0);
    let text = |path: &str| first.and_then(|error| error.pointer(path)).and_then(Value::as_str);
    let code = text("/extensions/code").unwrap_or_default();
    let message = match (text("/message"), &said.errors) {
        (Some(message), _) => message.to_owned(),
        (None, Value::Null) => String::new(),
        (None, Value::String(text)) => text.clone(),
        (None, by_field) => by_field.to_string(),
    };
    if matches!(status, 200..=299) && said.errors.is_null() {
        return None;
    }
    let words = answered("Shopify", status, code, &message);
    Some(match (status, code) {
        (429, _) | (_, "THROTTLED") => {
            Failure::provider(words).retry_after(retry_after.or_else(|| Some(said.extensions.cost.wait())))
        }
        // The app was removed, or its scopes do not reach.
        (401 | 403, _) | (_, "ACCESS_DENIED") => Failure::end_user(words),
        // The store does not pay, or is locked: its owner's to mend.
        (402 | 423, _) | (_, "SHOP_INACTIVE") => Failure::end_user(words),
        (500..=599, _) | (_, "INTERNAL_SERVER_ERROR" | "TIMEOUT") => Failure::provider(words).retry_after(retry_after),
        (400 | 404 | 406 | 409 | 422, _) => Failure::tenant(words),
        // A cursor of another query, or of another sort of keys.
        (200, _) if message.to_ascii_lowercase().contains("cursor") => Failure::cursor_expired(words),
        // `MAX_COST_EXCEEDED`, or a query that the API's version does not know.
        _ => Failure::plugin(words),
    })
}
