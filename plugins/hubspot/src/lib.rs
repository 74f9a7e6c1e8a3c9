//! HubSpot: contacts, companies and deals by change, and two actions. After HubSpot's CRM reference, version 3.

mod api;
mod objects;

use std::collections::BTreeSet;

use patchbay_plugin::{Connection, Failure, Identity, Page, Provider, Route, Value, Webhook, http, read_input};
use serde::{Deserialize, Serialize};

struct HubSpot;
patchbay_plugin::export!(HubSpot);

impl Provider for HubSpot {
    fn pull(connection: &Connection, stream: &str, cursor: Option<&str>) -> Result<Page, Failure> {
        match objects::KINDS.iter().find(|kind| kind.stream == stream) {
            Some(kind) => objects::pull(kind, &connection.config()?, cursor),
            None => Err(Failure::plugin(format!("HubSpot has no stream `{stream}` here."))),
        }
    }

    fn act(_: &Connection, action: &str, input: Value) -> Result<Value, Failure> {
        match action {
            "create_contact" => create_contact(input),
            "update_contact" => update_contact(input),
            other => Err(Failure::plugin(format!("HubSpot has no action `{other}` here."))),
        }
    }

    fn verify(_: &Connection) -> Result<(), Failure> {
        account().map(drop)
    }

    fn identify(_: &Connection) -> Result<Option<Identity>, Failure> {
        let account = account()?;
        let id = account.portal_id.to_string();
        Ok(Some(Identity { name: account.ui_domain.unwrap_or_else(|| id.clone()), account: id }))
    }

    fn route_webhook(webhook: &Webhook) -> Result<Vec<Route>, Failure> {
        // Up to 100 events in one delivery, of one or several accounts.
        let events: Vec<Event> = webhook.json()?;
        let concerned = events.iter().filter_map(|event| Some((event.portal_id, event.stream()?)));
        let concerned: BTreeSet<(u64, &str)> = concerned.collect();
        Ok(concerned.into_iter().map(|(portal, stream)| Route::of(portal.to_string(), &[stream])).collect())
    }

    fn classify_error(status: u16, body: &[u8]) -> Option<Failure> {
        Some(api::failure(status, body, None))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    portal_id: u64,
    ui_domain: Option<String>,
}

fn account() -> Result<Account, Failure> {
    http::get("/account-info/v3/details").accept(api::failure)?.json()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    portal_id: u64,
    /// `contact.propertyChange`, or `object.propertyChange` with the object's type beside it.
    subscription_type: String,
    #[serde(default)]
    object_type_id: String,
}

impl Event {
    fn stream(&self) -> Option<&'static str> {
        let subject = self.subscription_type.split('.').next()?;
        let is_it = |kind: &&objects::Kind| match subject {
            "object" => kind.type_id == self.object_type_id,
            named => kind.named == named,
        };
        objects::KINDS.iter().find(is_it).map(|kind| kind.stream)
    }
}

/// Properties by HubSpot's names of them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Properties {
    properties: serde_json::Map<String, Value>,
}

/// Gives the contact as HubSpot made it. There is one for an address: a second is refused with the first one's id.
fn create_contact(input: Value) -> Result<Value, Failure> {
    let input: Properties = read_input(input, "{\"properties\": {\"email\": \"…\"}}")?;
    http::post("/crm/v3/objects/contacts").json(&input)?.accept(api::failure)?.json()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateContact {
    id: String,
    properties: serde_json::Map<String, Value>,
}

/// Gives the contact with what was changed.
fn update_contact(input: Value) -> Result<Value, Failure> {
    let UpdateContact { id, properties } = read_input(input, "{\"id\": \"…\", \"properties\": {}}")?;
    let path = format!("/crm/v3/objects/contacts/{}", http::segment(&id));
    http::Request::new("PATCH", path).json(&Properties { properties })?.accept(api::failure)?.json()
}
