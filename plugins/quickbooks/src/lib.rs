//! QuickBooks Online: invoices, customers and payments of a company by change, and two actions. After Intuit's Accounting
//! API reference, minor version 75.

mod api;
mod entities;

use std::collections::BTreeSet;

use patchbay_plugin::{Connection, Failure, Identity, Page, Provider, Route, Value, Webhook, http, read_input};
use serde::Deserialize;

struct QuickBooks;
patchbay_plugin::export!(QuickBooks);

impl Provider for QuickBooks {
    fn pull(connection: &Connection, stream: &str, cursor: Option<&str>) -> Result<Page, Failure> {
        match entities::KINDS.iter().find(|kind| kind.stream == stream) {
            Some(kind) => entities::pull(kind, &connection.config()?, cursor),
            None => Err(Failure::plugin(format!("QuickBooks has no stream `{stream}` here."))),
        }
    }

    fn act(_: &Connection, action: &str, input: Value) -> Result<Value, Failure> {
        match action {
            "create_customer" => create("customer", "Customer", input),
            "create_invoice" => create("invoice", "Invoice", input),
            other => Err(Failure::plugin(format!("QuickBooks has no action `{other}` here."))),
        }
    }

    fn verify(connection: &Connection) -> Result<(), Failure> {
        company(connection).map(drop)
    }

    fn identify(connection: &Connection) -> Result<Option<Identity>, Failure> {
        let account = realm(connection)?.to_owned();
        Ok(Some(Identity { account, name: company(connection)?.company_name }))
    }

    fn route_webhook(webhook: &Webhook) -> Result<Vec<Route>, Failure> {
        // A list of cloud events, of one or several companies.
        let events: Vec<Event> = webhook.json()?;
        let concerned = events.iter().filter_map(|event| Some((event.company.as_str(), event.stream()?)));
        let concerned: BTreeSet<(&str, &str)> = concerned.collect();
        Ok(concerned.into_iter().map(|(company, stream)| Route::of(company, &[stream])).collect())
    }

    fn classify_error(status: u16, body: &[u8]) -> Option<Failure> {
        api::failure(status, body, None)
    }
}

/// The company's id, which the callback of the sign-in gave.
fn realm(connection: &Connection) -> Result<&str, Failure> {
    connection.variable("realm_id").ok_or_else(|| Failure::plugin("The connection does not know its realm_id."))
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "CompanyInfo")]
    company: Company,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Company {
    company_name: String,
}

fn company(connection: &Connection) -> Result<Company, Failure> {
    let request = http::get(format!("/companyinfo/{}", http::segment(realm(connection)?)));
    let answer: Answer = api::accept(request.query("minorversion", api::MINOR_VERSION).send()?)?.json()?;
    Ok(answer.company)
}

#[derive(Deserialize)]
struct Event {
    /// `qbo.invoice.updated.v1`.
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "intuitaccountid")]
    company: String,
}

impl Event {
    fn stream(&self) -> Option<&'static str> {
        let subject = self.kind.strip_prefix("qbo.")?.split('.').next()?;
        entities::KINDS.iter().find(|kind| kind.entity.eq_ignore_ascii_case(subject)).map(|kind| kind.stream)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    /// As QuickBooks describes it.
    #[serde(alias = "customer", alias = "invoice")]
    entity: serde_json::Map<String, Value>,
    /// A second request with the same id gives what the first one made.
    #[serde(default)]
    request_id: Option<String>,
}

/// Gives the entity as QuickBooks made it.
fn create(path: &str, name: &str, input: Value) -> Result<Value, Failure> {
    let Create { entity, request_id } = read_input(input, &format!("{{\"{path}\": {{}}, \"request_id\": \"…\"}}"))?;
    let request = http::post(format!("/{path}"))
        .query("minorversion", api::MINOR_VERSION)
        .query_if("requestid", request_id)
        .json(&entity)?;
    let mut made: Value = api::accept(request.send()?)?.json()?;
    let entity = made.get_mut(name).map(Value::take);
    entity.ok_or_else(|| {
        Failure::provider(format!("QuickBooks' answer is not what its documentation says: it has no {name}."))
    })
}
