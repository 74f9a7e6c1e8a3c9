//! Streams by Google's sync tokens: a first run is told all there is and a token, and with it the next one is told what
//! changed since, what is gone included.

use std::collections::BTreeMap;

use patchbay_plugin::{Failure, Item, Page, Request, cursor, http, json::Record};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::api;

/// What a tenant may set for a connection.
#[derive(Deserialize)]
pub struct Config {
    /// The calendars whose events are read, by their ids.
    #[serde(default = "only_primary")]
    calendars: Vec<String>,
}

/// By this name Google knows the account's own calendar.
pub fn primary() -> String {
    "primary".to_owned()
}

fn only_primary() -> Vec<String> {
    vec![primary()]
}

/// The path of a calendar's events.
pub fn events_of(calendar: &str) -> String {
    format!("/calendars/{}/events", http::segment(calendar))
}

/// Where the walk over one list stands.
#[derive(Serialize, Deserialize, Default, Clone)]
#[serde(deny_unknown_fields, default)]
struct Sync {
    /// Google's token of the last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// The next page of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
}

/// How Google lists: a token for the next page, or on the last one a token for the next run.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing<'a> {
    #[serde(borrow, default)]
    items: Vec<Record<'a, Head>>,
    next_page_token: Option<String>,
    next_sync_token: Option<String>,
}

#[derive(Deserialize)]
struct Head {
    id: String,
    /// Of an event: `cancelled` if it is gone.
    #[serde(default)]
    status: String,
    /// Of one time of a recurring event that differs from the others.
    #[serde(default, rename = "recurringEventId")]
    recurring: Option<IgnoredAny>,
    /// Of a calendar.
    #[serde(default)]
    deleted: bool,
}

/// Reads a page and moves on; all parameters stay the same from page to page.
fn step(request: Request, at: &mut Sync, id: impl Fn(String) -> String) -> Result<(Vec<Item>, Vec<String>), Failure> {
    let request = request.query_if("syncToken", at.token.as_ref()).query_if("pageToken", at.page.as_ref());
    let answer = request.accept(api::failure)?;
    let listing: Listing<'_> = answer.records()?;
    let (mut items, mut gone) = (Vec::with_capacity(listing.items.len()), Vec::new());
    for Record { head, text } in listing.items {
        // A time of a recurring event that is cancelled is news: the event itself does not say it.
        let is_gone = head.deleted || (head.status == "cancelled" && head.recurring.is_none());
        let id = id(head.id);
        if is_gone { gone.push(id) } else { items.push(Item::raw(id, text)) }
    }
    at.page = listing.next_page_token;
    if at.page.is_none() {
        at.token = listing.next_sync_token;
        if at.token.is_none() {
            return Err(Failure::provider("Google's last page has no token for the next run."));
        }
    }
    Ok((items, gone))
}

/// The account's list of calendars.
pub fn calendars(cursor: Option<&str>) -> Result<Page, Failure> {
    let mut at: Sync = cursor::read(cursor)?;
    let request = http::get("/users/me/calendarList").query("maxResults", 250).query("showHidden", true);
    let (items, gone) = step(request, &mut at, |id| id)?;
    let page = Page::of(items).deleted(gone);
    if at.page.is_some() { page.more(&at) } else { page.done(&at) }
}

/// Where the walk over the events stands.
#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Cursor {
    /// By calendar, those of this run and of the last one.
    calendars: BTreeMap<String, Sync>,
    /// Calendars of this run that are done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    done: Vec<String>,
}

/// Events of the calendars that the connection names, one calendar after the other. An event's id is unique within its
/// calendar, so a record's is both. Recurring events stand for themselves, with the exceptions beside them.
pub fn events(config: &Config, cursor: Option<&str>) -> Result<Page, Failure> {
    let mut at: Cursor = cursor::read(cursor)?;
    // A calendar that is named no more is forgotten: named again, it is read from its beginning.
    at.calendars.retain(|calendar, _| config.calendars.contains(calendar));
    let Some(calendar) = config.calendars.iter().find(|calendar| !at.done.contains(calendar)) else {
        return Page::of(Vec::new()).done(&Cursor { done: Vec::new(), ..at });
    };
    let request = http::get(events_of(calendar)).query("maxResults", 2500);
    let sync = at.calendars.entry(calendar.clone()).or_default();
    let (items, gone) = step(request, sync, |id| format!("{calendar}/{id}"))?;
    if sync.page.is_none() {
        at.done.push(calendar.clone());
    }
    let page = Page::of(items).deleted(gone);
    if config.calendars.iter().all(|calendar| at.done.contains(calendar)) {
        return page.done(&Cursor { done: Vec::new(), ..at });
    }
    page.more(&at)
}
