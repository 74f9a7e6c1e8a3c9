//! Stripe: customers, products, subscriptions and invoices by change, and two actions.
//! After Stripe's API reference, version 2026-02-25.clover.

mod actions;
mod api;
mod objects;

use patchbay_plugin::{Connection, Failure, Identity, Page, Provider, Route, Value, Webhook, http};
use serde::Deserialize;

struct Stripe;
patchbay_plugin::export!(Stripe);

impl Provider for Stripe {
    fn pull(_: &Connection, stream: &str, cursor: Option<&str>) -> Result<Page, Failure> {
        match objects::KINDS.iter().find(|kind| kind.stream == stream) {
            Some(kind) => objects::pull(kind, cursor),
            None => Err(Failure::plugin(format!("Stripe has no stream `{stream}` here."))),
        }
    }

    fn act(_: &Connection, action: &str, input: Value) -> Result<Value, Failure> {
        match action {
            "create_customer" => actions::create_customer(input),
            "create_refund" => actions::create_refund(input),
            other => Err(Failure::plugin(format!("Stripe has no action `{other}` here."))),
        }
    }

    fn verify(_: &Connection) -> Result<(), Failure> {
        account().map(drop)
    }

    fn identify(_: &Connection) -> Result<Option<Identity>, Failure> {
        let Account { id, settings, email } = account()?;
        let shown = settings.and_then(|s| s.dashboard).and_then(|d| d.display_name);
        let name = shown.filter(|name| !name.is_empty()).or(email).unwrap_or_else(|| id.clone());
        Ok(Some(Identity { account: id, name }))
    }

    fn route_webhook(webhook: &Webhook) -> Result<Vec<Route>, Failure> {
        let event: Notice = webhook.json()?;
        let kind = objects::KINDS.iter().find(|kind| kind.object == event.data.object.object);
        // Only events of connected accounts name their account.
        Ok(event.account.into_iter().zip(kind).map(|(account, kind)| Route::of(account, &[kind.stream])).collect())
    }

    fn classify_error(status: u16, body: &[u8]) -> Option<Failure> {
        Some(api::failure(status, body, None))
    }
}

#[derive(Deserialize)]
struct Account {
    id: String,
    settings: Option<Settings>,
    email: Option<String>,
}

#[derive(Deserialize)]
struct Settings {
    dashboard: Option<Dashboard>,
}

#[derive(Deserialize)]
struct Dashboard {
    display_name: Option<String>,
}

fn account() -> Result<Account, Failure> {
    http::get("/account").accept(api::failure)?.json()
}

#[derive(Deserialize)]
struct Notice {
    account: Option<String>,
    data: NoticeData,
}

#[derive(Deserialize)]
struct NoticeData {
    object: NoticeObject,
}

#[derive(Deserialize)]
struct NoticeObject {
    object: String,
}
