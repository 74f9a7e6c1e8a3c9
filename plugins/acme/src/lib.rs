//! Acme, the demo provider: orders by change, customers in full, one action, and a connection's own address for webhooks.

use std::borrow::Cow;

use patchbay_plugin::{
    Connection, Failure, Item, Page, Provider, Value, Walk, answered, cursor, http, json::Record, time,
};
use serde::{Deserialize, Serialize};

struct Acme;
patchbay_plugin::export!(Acme);

impl Provider for Acme {
    fn pull(connection: &Connection, stream: &str, cursor: Option<&str>) -> Result<Page, Failure> {
        let limit = page_size(connection)?;
        match stream {
            "orders" => orders(connection.since, limit, cursor),
            "customers" => customers(limit, cursor),
            other => Err(Failure::plugin(format!("Acme has no stream `{other}`."))),
        }
    }

    fn act(_: &Connection, action: &str, input: Value) -> Result<Value, Failure> {
        match action {
            "cancel_order" => cancel_order(input),
            other => Err(Failure::plugin(format!("Acme has no action `{other}`."))),
        }
    }

    fn verify(_: &Connection) -> Result<(), Failure> {
        http::get("/v1/orders").query("limit", 1).send()?.success().map(drop)
    }

    /// Has Acme send the connection's webhooks to its own address, where it has one.
    fn after_connect(connection: &Connection) -> Result<(), Failure> {
        let Some(url) = &connection.webhook_url else { return Ok(()) };
        let answer = http::post("/v1/webhooks").json(&serde_json::json!({ "url": url }))?.send()?;
        match answer.status {
            // Registered by an earlier call.
            409 => Ok(()),
            _ => answer.success().map(drop),
        }
    }

    /// Takes that back.
    fn before_delete(connection: &Connection) -> Result<(), Failure> {
        let Some(url) = &connection.webhook_url else { return Ok(()) };
        let known: Subscriptions = http::get("/v1/webhooks").fetch()?;
        for one in known.data.iter().filter(|one| one.url == *url) {
            let answer = http::Request::new("DELETE", format!("/v1/webhooks/{}", http::segment(&one.id))).send()?;
            match answer.status {
                // Taken back by somebody else meanwhile.
                404 => {}
                _ => drop(answer.success()?),
            }
        }
        Ok(())
    }

    fn classify_error(status: u16, body: &[u8]) -> Option<Failure> {
        let refusal: Option<Refusal> = serde_json::from_slice(body).ok();
        let message = refusal.map_or_else(|| answered("Acme", status, "", ""), |refusal| refusal.message);
        match status {
            401 | 403 => Some(Failure::end_user(message)),
            400 | 404 | 409 => Some(Failure::tenant(message)),
            429 | 500..=599 => Some(Failure::provider(message)),
            _ => None,
        }
    }
}

/// What a tenant may set for a connection, and for one sync alone.
#[derive(Deserialize)]
struct Settings {
    page_size: Option<u32>,
}

/// Acme gives at most 1,000 records at once.
fn page_size(connection: &Connection) -> Result<u32, Failure> {
    let (own, general) = (connection.params::<Settings>()?, connection.config::<Settings>()?);
    Ok(own.page_size.or(general.page_size).unwrap_or(1000).clamp(1, 1000))
}

/// How Acme lists anything. The records stay as they are: only their heads are looked at.
#[derive(Deserialize)]
struct Listing<'a> {
    #[serde(borrow)]
    data: Vec<Record<'a, Head<'a>>>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    updated_at: Cow<'a, str>,
    #[serde(default)]
    deleted: bool,
}

/// Where the walk over the orders stands.
#[derive(Serialize, Deserialize)]
struct OrdersCursor {
    /// This run shows what changed at that time or later.
    since: String,
    /// The latest change seen in this run: where the next one begins.
    high_water: String,
    /// Acme's own cursor within the run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    after: Option<String>,
}

impl Default for OrdersCursor {
    /// The beginning of time instead of no time at all: only a listing by change shows deletions, and an order that is
    /// deleted while the first run is under way would be missed by a listing without.
    fn default() -> Self {
        let epoch = || "1970-01-01T00:00:00Z".to_owned();
        Self { since: epoch(), high_water: epoch(), after: None }
    }
}

/// Orders in the order of their last change, from `since` on. An order that changes meanwhile moves to the end and is
/// seen again; the time is inclusive, so that the last second of a run is seen twice and no change in it is lost.
fn orders(since: Option<u64>, limit: u32, cursor: Option<&str>) -> Result<Page, Failure> {
    let mut at: OrdersCursor = cursor::read(cursor)?;
    if let (None, Some(since)) = (cursor, since) {
        at.since = time::rfc3339(since);
        at.high_water.clone_from(&at.since);
    }
    let answer = http::get("/v1/orders")
        .query("limit", limit)
        .query("updated_since", &at.since)
        .query_if("after", at.after.as_ref())
        .send()?
        .success()?;
    let listing: Listing = answer.records()?;
    let (mut items, mut gone) = (Vec::with_capacity(listing.data.len()), Vec::new());
    for Record { head, text } in listing.data {
        if *head.updated_at > *at.high_water {
            at.high_water = head.updated_at.into_owned();
        }
        if head.deleted {
            gone.push(head.id.into_owned());
        } else {
            items.push(Item::raw(head.id, text));
        }
    }
    let page = Page::of(items).deleted(gone);
    match listing.next {
        Some(next) => page.more(&OrdersCursor { after: Some(next), ..at }),
        None => page.done(&OrdersCursor { since: at.high_water.clone(), high_water: at.high_water, after: None }),
    }
}

/// All customers. Every run begins anew, and the host finds out who is missing.
fn customers(limit: u32, cursor: Option<&str>) -> Result<Page, Failure> {
    let after = Walk::at(cursor)?.next;
    let answer = http::get("/v1/customers").query("limit", limit).query_if("after", after).send()?.success()?;
    let listing: Listing = answer.records()?;
    Walk::page(listing.data.into_iter().map(|record| Item::raw(record.head.id, record.text)).collect(), listing.next)
}

/// The addresses that webhooks are sent to.
#[derive(Deserialize)]
struct Subscriptions {
    data: Vec<Subscription>,
}

#[derive(Deserialize)]
struct Subscription {
    id: String,
    url: String,
}

#[derive(Deserialize)]
struct CancelOrder {
    order_id: String,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// Gives the order as it is afterwards.
fn cancel_order(input: Value) -> Result<Value, Failure> {
    let input: CancelOrder = serde_json::from_value(input)
        .map_err(|e| Failure::tenant(format!("The input must be {{\"order_id\": \"…\"}}: {e}")))?;
    let path = format!("/v1/orders/{}/cancel", http::segment(&input.order_id));
    let answer = http::post(path).send()?;
    match answer.status {
        404 => Err(Failure::tenant(format!("There is no order `{}`.", input.order_id))),
        409 => Err(Failure::tenant(format!("The order `{}` was cancelled before.", input.order_id))),
        _ => answer.success()?.json(),
    }
}
