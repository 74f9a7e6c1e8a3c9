//! What can be done. Stripe takes forms, and a key by which a request that is sent twice is carried out once.

use patchbay_plugin::{Failure, Value, http, read_input};
use serde::Deserialize;

use crate::api;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCustomer {
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    metadata: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    idempotency_key: Option<String>,
}

/// Gives the customer as Stripe made it.
pub fn create_customer(input: Value) -> Result<Value, Failure> {
    let input: NewCustomer = read_input(input, "{\"email\": \"…\", \"name\": \"…\"}")?;
    let mut fields = Vec::new();
    for (name, value) in
        [("email", input.email), ("name", input.name), ("phone", input.phone), ("description", input.description)]
    {
        fields.extend(value.map(|value| (name.to_owned(), value)));
    }
    fields.extend(input.metadata.into_iter().map(|(name, value)| (format!("metadata[{name}]"), value)));
    post("/customers", &fields, input.idempotency_key)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRefund {
    #[serde(default)]
    payment_intent: Option<String>,
    #[serde(default)]
    charge: Option<String>,
    /// In the currency's smallest unit; all that is left if nothing is said.
    #[serde(default)]
    amount: Option<u64>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    idempotency_key: Option<String>,
}

/// Gives the refund as Stripe made it.
pub fn create_refund(input: Value) -> Result<Value, Failure> {
    let input: NewRefund = read_input(input, "{\"payment_intent\": \"pi_…\", \"amount\": 100}")?;
    if input.payment_intent.is_some() == input.charge.is_some() {
        return Err(Failure::tenant("A refund is of a payment_intent or of a charge: name one of them."));
    }
    let mut fields = Vec::new();
    for (name, value) in [
        ("payment_intent", input.payment_intent),
        ("charge", input.charge),
        ("amount", input.amount.map(|amount| amount.to_string())),
        ("reason", input.reason),
    ] {
        fields.extend(value.map(|value| (name.to_owned(), value)));
    }
    post("/refunds", &fields, input.idempotency_key)
}

fn post(path: &str, fields: &[(String, String)], key: Option<String>) -> Result<Value, Failure> {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut request = http::post(path).form(&fields);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    request.accept(api::failure)?.json()
}
