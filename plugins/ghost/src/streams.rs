//! Streams: what changed, and all there is. Ghost counts pages, and what changes meanwhile would move from one to another; so
//! each request asks for the first page of what comes after the last record seen.

use std::borrow::Cow;

use patchbay_plugin::{Changes, Connection, Failure, Item, Page, Response, Walk, http, json::Record, time};
use serde::Deserialize;

use crate::api;

/// The most that Ghost gives at once in every version.
const PAGE: u32 = 100;

/// A listing of things that know when they changed.
pub struct Listed {
    path: &'static str,
    /// What it wants to know beside.
    formats: Option<&'static str>,
}

/// Posts in every state, with their content as HTML.
pub const POSTS: Listed = Listed { path: "/posts/", formats: Some("html") };
/// Members.
pub const MEMBERS: Listed = Listed { path: "/members/", formats: None };

#[derive(Deserialize)]
struct Listing<'a> {
    #[serde(borrow, alias = "posts", alias = "members", alias = "tags")]
    records: Vec<Record<'a, Head<'a>>>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    pagination: Pagination,
}

#[derive(Deserialize)]
struct Pagination {
    /// The number of the page behind this one.
    next: Option<u32>,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    updated_at: Cow<'a, str>,
}

/// In the order of their last change, from the cursor on, or from where the sync begins. Times are to the second and the run
/// after begins with the last one once more, so that no change in it is lost.
pub fn changed(listed: &Listed, connection: &Connection, cursor: Option<&str>) -> Result<Page, Failure> {
    let mut at = Changes::at(cursor)?;
    if cursor.is_none() {
        at.since = connection.since.map(|since| stored(&time::rfc3339(since)));
    }
    let filter = match (&at.after, &at.since) {
        (Some(after), _) => {
            let (changed, id) = after.split_once('|').unwrap_or((after, ""));
            Some(format!("updated_at:>'{changed}',(updated_at:'{changed}'+id:>'{id}')"))
        }
        (None, Some(since)) => Some(format!("updated_at:>='{since}'")),
        (None, None) => None,
    };
    let answer = http::get(listed.path)
        .query("limit", PAGE)
        .query_if("formats", listed.formats)
        .query("order", "updated_at asc,id asc")
        .query_if("filter", filter)
        .accept(api::failure)?;
    let listing = listing(&answer)?;
    let last = listing.records.last().map(|record| (stored(&record.head.updated_at), record.head.id.clone()));
    let after = last.as_ref().filter(|_| listing.meta.pagination.next.is_some());
    let after = after.map(|(changed, id)| format!("{changed}|{id}"));
    if let Some((changed, _)) = last {
        at.began = Some(changed);
    }
    at.page(Page::of(items(listing)), after)
}

/// All tags, those of Ghost's own too. Every run begins anew, and the host finds out what is gone.
pub fn tags(cursor: Option<&str>) -> Result<Page, Failure> {
    let after = Walk::at(cursor)?.next;
    let answer = http::get("/tags/")
        .query("limit", PAGE)
        .query("order", "id asc")
        .query_if("filter", after.map(|id| format!("id:>'{id}'")))
        .accept(api::failure)?;
    let listing = listing(&answer)?;
    let last = listing.records.last().map(|record| record.head.id.clone().into_owned());
    let next = last.filter(|_| listing.meta.pagination.next.is_some());
    Walk::page(items(listing), next)
}

fn listing(answer: &Response) -> Result<Listing<'_>, Failure> {
    answer.records()
}

fn items(listing: Listing<'_>) -> Vec<Item> {
    listing.records.into_iter().map(|record| Item::raw(record.head.id, record.text)).collect()
}

/// A time as Ghost compares it: `2026-11-22T11:42:32.000Z` is `2026-11-22 11:42:32` there.
fn stored(time: &str) -> String {
    time.chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect()
}
