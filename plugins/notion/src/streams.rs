//! Streams: what the search finds, and the members.

use std::borrow::Cow;

use patchbay_plugin::{Changes, Failure, Item, Page, Response, Walk, http, json, json::Record};
use serde::Deserialize;

use crate::api;

/// The most that Notion gives at once.
const PAGE: u32 = 100;

/// How Notion lists.
#[derive(Deserialize)]
struct Listing<'a> {
    #[serde(borrow)]
    results: Vec<Record<'a, Head<'a>>>,
    has_more: bool,
    next_cursor: Option<String>,
}

impl Listing<'_> {
    fn next(&self) -> Option<String> {
        self.next_cursor.clone().filter(|_| self.has_more)
    }
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    /// To the minute, as Notion rounds it; members have none.
    #[serde(borrow, default)]
    last_edited_time: Cow<'a, str>,
    #[serde(default)]
    in_trash: bool,
}

/// The search without words: all that was shared, what was edited last first.
fn search(kind: &str, after: Option<&String>) -> Result<Response, Failure> {
    let mut body = json!({
        "filter": { "property": "object", "value": kind },
        "sort": { "timestamp": "last_edited_time", "direction": "descending" },
        "page_size": PAGE,
    });
    if let (Some(after), Some(body)) = (after, body.as_object_mut()) {
        body.insert("start_cursor".to_owned(), after.as_str().into());
    }
    http::post("/search").json(&body)?.accept(api::failure)
}

/// Pages by change. The search cannot begin at a time, but it begins with the last edit: a run goes back until it meets
/// what the one before has seen. What is edited meanwhile moves to the front and is seen by the next run.
pub fn pages(cursor: Option<&str>) -> Result<Page, Failure> {
    let mut at = Changes::at(cursor)?;
    let answer = search("page", at.after.as_ref())?;
    let listing: Listing<'_> = answer.records()?;
    let next = listing.next();
    // The first edit that a run sees is the last one made: the next run goes back until there.
    if at.began.is_none() {
        at.began = listing.results.first().map(|record| record.head.last_edited_time.clone().into_owned());
    }
    let (mut items, mut gone, mut is_known) = (Vec::new(), Vec::new(), false);
    for Record { head, text } in listing.results {
        // Times are of one form and zone, so they stand in order as texts do.
        if at.since.as_deref().is_some_and(|since| *head.last_edited_time < *since) {
            is_known = true;
            break;
        }
        if head.in_trash {
            gone.push(head.id.into_owned());
        } else {
            items.push(Item::raw(head.id, text));
        }
    }
    let page = Page::of(items).deleted(gone);
    at.page(page, next.filter(|_| !is_known))
}

/// All data sources, which are the tables of databases. Every run begins anew, and the host finds out what is gone.
pub fn data_sources(cursor: Option<&str>) -> Result<Page, Failure> {
    all(&search("data_source", Walk::at(cursor)?.next.as_ref())?)
}

/// All members, guests left out as Notion does, and bots.
pub fn users(cursor: Option<&str>) -> Result<Page, Failure> {
    let request = http::get("/users").query("page_size", PAGE).query_if("start_cursor", Walk::at(cursor)?.next);
    all(&request.accept(api::failure)?)
}

fn all(answer: &Response) -> Result<Page, Failure> {
    let listing: Listing<'_> = answer.records()?;
    let next = listing.next();
    let there = listing.results.into_iter().filter(|record| !record.head.in_trash);
    Walk::page(there.map(|record| Item::raw(record.head.id, record.text)).collect(), next)
}
