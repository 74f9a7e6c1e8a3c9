//! Streams: the incremental exports, by Zendesk's cursor, and a listing.

use std::borrow::Cow;

use patchbay_plugin::{
    Failure, Item, Page, Response, Walk, cursor, http,
    json::{Id, Record},
};
use serde::{Deserialize, Serialize};

use crate::api;

/// Where an export stands: Zendesk's cursor goes on for ever, from page to page and from run to run.
#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Cursor {
    after: Option<String>,
}

#[derive(Deserialize)]
struct Export<'a> {
    #[serde(borrow, alias = "tickets", alias = "users")]
    records: Vec<Record<'a, Head<'a>>>,
    after_cursor: Option<String>,
    end_of_stream: bool,
}

#[derive(Deserialize)]
struct Head<'a> {
    id: Id,
    /// Of a ticket: `deleted` among others.
    #[serde(borrow, default)]
    status: Cow<'a, str>,
    /// Of a user: false if it was deleted.
    #[serde(default)]
    active: Option<bool>,
}

/// A page of what changed, what was deleted included. Zendesk allows ten of these requests a minute, and keeps the last
/// minute for itself.
pub fn exported(stream: &str, cursor: Option<&str>) -> Result<Page, Failure> {
    let at: Cursor = cursor::read(cursor)?;
    let request = http::get(format!("/incremental/{stream}/cursor.json")).query("per_page", 1000);
    let answer = match &at.after {
        None => request.query("start_time", 0).send()?,
        Some(after) => known(request.query("cursor", after).send()?)?,
    };
    let answer = answer.accept(api::failure)?;
    let export: Export<'_> = answer.records()?;
    let (mut items, mut gone) = (Vec::with_capacity(export.records.len()), Vec::new());
    for Record { head, text } in export.records {
        let id = String::from(head.id);
        let is_gone = head.status == "deleted" || head.active == Some(false);
        if is_gone { gone.push(id) } else { items.push(Item::raw(id, text)) }
    }
    let page = Page::of(items).deleted(gone);
    let next = Cursor { after: export.after_cursor.or(at.after) };
    if export.end_of_stream { page.done(&next) } else { page.more(&next) }
}

/// With a cursor as all there is to a request, a bad request is a cursor that Zendesk does not take any more.
fn known(answer: Response) -> Result<Response, Failure> {
    if answer.status == 400 {
        return Err(Failure::cursor_expired("Zendesk does not take its cursor any more."));
    }
    Ok(answer)
}

#[derive(Deserialize)]
struct Listing<'a> {
    #[serde(borrow)]
    organizations: Vec<Record<'a, Organization>>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Organization {
    id: Id,
}

#[derive(Deserialize)]
struct Meta {
    has_more: bool,
    after_cursor: Option<String>,
}

/// All organizations. Every run begins anew, and the host finds out which are gone.
pub fn organizations(cursor: Option<&str>) -> Result<Page, Failure> {
    let at = Walk::at(cursor)?;
    let is_first = at.next.is_none();
    let answer = http::get("/organizations.json").query("page[size]", 100).query_if("page[after]", at.next).send()?;
    let answer = if is_first { answer } else { known(answer)? };
    let answer = answer.accept(api::failure)?;
    let Listing { organizations, meta } = answer.records()?;
    let items = organizations.into_iter().map(|record| Item::raw(record.head.id, record.text)).collect();
    Walk::page(items, meta.after_cursor.filter(|_| meta.has_more))
}
