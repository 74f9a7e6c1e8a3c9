//! Objects by change. Stripe's listings know nothing of changes, its events do, for 30 days: the first run walks the
//! listing, and the ones after it walk the events from the last one that was seen.

use std::collections::HashSet;

use patchbay_plugin::{Failure, Item, Page, Request, Response, cursor, http, json::Record, time};
use serde::{Deserialize, Serialize};

use crate::api;

/// A kind of object that is a stream.
pub struct Kind {
    /// The stream, named as the listing's path is.
    pub stream: &'static str,
    /// What `object` says in each.
    pub object: &'static str,
    /// Events about it. Some of these are about other objects too.
    events: &'static str,
    /// The event that says that it is gone, where that can happen.
    gone: Option<&'static str>,
}

/// All of them. A subscription that ends is not gone: it is there with the status `canceled`.
pub const KINDS: &[Kind] = &[
    Kind { stream: "customers", object: "customer", events: "customer.*", gone: Some("customer.deleted") },
    Kind { stream: "products", object: "product", events: "product.*", gone: Some("product.deleted") },
    Kind { stream: "subscriptions", object: "subscription", events: "customer.subscription.*", gone: None },
    Kind { stream: "invoices", object: "invoice", events: "invoice.*", gone: Some("invoice.deleted") },
];

/// Where the stream stands. Whatever of it is stored, it goes on from there.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Cursor {
    /// Within the listing, after this object; the events to come are those after that time or event.
    Listing { after: String, then: Mark },
    /// Everything is seen but the events from here on.
    Events(Mark),
}

/// Where the events to come begin.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    /// After this event. If there was none to begin at, the first one since then is looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    /// When all that had happened until then was seen, by Stripe's clock, in Unix seconds.
    since: u64,
    /// Events are listed from the newest on: as far back the first one was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    back: Option<String>,
}

/// As long as Stripe keeps events, in seconds.
const KEPT: u64 = 30 * 24 * 60 * 60;

/// How Stripe lists anything, the newest first.
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Listing<T> {
    data: Vec<T>,
    has_more: bool,
}

#[derive(Deserialize)]
struct Head {
    id: String,
}

#[derive(Deserialize)]
struct Event<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    object: Record<'a, Subject>,
}

/// Whom an event is about. An invoice that is only announced has no id.
#[derive(Deserialize)]
struct Subject {
    id: Option<String>,
    object: String,
}

/// One page: of the listing in a first run, of events in the others.
pub fn pull(kind: &Kind, cursor: Option<&str>) -> Result<Page, Failure> {
    match cursor::read::<Option<Cursor>>(cursor)? {
        None => list(kind, None, begin(kind)?),
        Some(Cursor::Listing { after, then }) => list(kind, Some(after), then),
        Some(Cursor::Events(mark)) if (time::now() / 1000).saturating_sub(mark.since) > KEPT => Err(too_old()),
        Some(Cursor::Events(mark)) => match mark.event {
            Some(last) => events_after(kind, last, mark.since),
            None => events_since(kind, mark.since, mark.back),
        },
    }
}

/// Before the listing is walked, so that nothing that changes meanwhile is missed: the newest event there is.
fn begin(kind: &Kind) -> Result<Mark, Failure> {
    let answer = events(kind, 1).accept(api::failure)?;
    let newest: Listing<Head> = answer.json()?;
    let event = newest.data.into_iter().next().map(|event| event.id);
    Ok(Mark { event, since: answer.date() / 1000, back: None })
}

fn too_old() -> Failure {
    Failure::cursor_expired("Stripe keeps events for 30 days, and the last one seen is older.")
}

fn events(kind: &Kind, limit: u32) -> Request {
    http::get("/events").query("type", kind.events).query("limit", limit)
}

/// A page of the listing.
fn list(kind: &Kind, after: Option<String>, then: Mark) -> Result<Page, Failure> {
    // Subscriptions that have ended are left out unless one asks for all.
    let status = (kind.object == "subscription").then_some("all");
    let request = http::get(format!("/{}", kind.stream)).query("limit", 100).query_if("status", status);
    let answer = request.query_if("starting_after", after).accept(api::failure)?;
    let Listing { data, has_more }: Listing<Record<'_, Head>> = answer.records()?;
    let last = data.last().map(|record| record.head.id.clone());
    let page = Page::of(data.into_iter().map(|record| Item::raw(record.head.id, record.text)).collect());
    match last.filter(|_| has_more) {
        Some(after) => page.more(&Cursor::Listing { after, then }),
        None => page.done(&Cursor::Events(then)),
    }
}

/// The page of events right after the last one seen.
fn events_after(kind: &Kind, last: String, since: u64) -> Result<Page, Failure> {
    let answer = events(kind, 100).query("ending_before", &last).send()?;
    if matches!(answer.status, 400 | 404) && api::is_missing(&answer.body) {
        return Err(too_old());
    }
    page(kind, &answer.accept(api::failure)?, Mark { event: Some(last), since, back: None })
}

/// Looks for the first event since that time, a page of events at a time, and begins there.
fn events_since(kind: &Kind, since: u64, back: Option<String>) -> Result<Page, Failure> {
    let request = events(kind, 100).query("created[gte]", since).query_if("starting_after", back.as_ref());
    let answer = request.accept(api::failure)?;
    let listing: Listing<Head> = answer.json()?;
    match listing.data.into_iter().next_back() {
        Some(oldest) if listing.has_more => {
            Page::of(Vec::new()).more(&Cursor::Events(Mark { event: None, since, back: Some(oldest.id) }))
        }
        // The oldest page is the first to be shown; what is newer comes after it.
        oldest => {
            let mut page = page(kind, &answer, Mark { event: None, since, back: None })?;
            page.more = back.is_some() && oldest.is_some();
            Ok(page)
        }
    }
}

/// What events say: of each object the newest, since a page begins with the newest event.
fn page(kind: &Kind, answer: &Response, mark: Mark) -> Result<Page, Failure> {
    let Listing { data, has_more }: Listing<Event<'_>> = answer.records()?;
    let (mut items, mut gone, mut known) = (Vec::new(), Vec::new(), HashSet::new());
    for event in &data {
        let Record { head, text } = &event.data.object;
        let Some(id) = head.id.as_deref().filter(|_| head.object == kind.object) else { continue };
        if !known.insert(id) {
            continue;
        }
        if kind.gone == Some(event.kind.as_str()) {
            gone.push(id.to_owned());
        } else {
            items.push(Item::raw(id, text));
        }
    }
    let event = data.first().map(|newest| newest.id.clone()).or(mark.event);
    // Without an event the next run looks from the same time on: one that is late to show is not passed over.
    let since = if event.is_some() { answer.date() / 1000 } else { mark.since };
    let page = Page::of(items).deleted(gone);
    let next = Cursor::Events(Mark { event, since, back: None });
    if has_more { page.more(&next) } else { page.done(&next) }
}
