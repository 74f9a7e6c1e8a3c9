//! CRM objects by change: the search finds those that changed, the listing of the archived ones those that are gone.

use patchbay_plugin::{Failure, Item, Page, Value, cursor, http, json, json::Record};
use serde::{Deserialize, Serialize};

use crate::api;

/// A kind of object that is a stream.
pub struct Kind {
    /// The stream, named as in paths.
    pub stream: &'static str,
    /// How older webhooks call it.
    pub named: &'static str,
    /// How newer webhooks do.
    pub type_id: &'static str,
    /// The property that says when it changed; contacts have one of their own.
    changed: &'static str,
    /// Properties that are read unless the connection says otherwise.
    properties: &'static [&'static str],
}

/// All of them.
pub const KINDS: &[Kind] = &[
    Kind {
        stream: "contacts",
        named: "contact",
        type_id: "0-1",
        changed: "lastmodifieddate",
        properties: &["email", "firstname", "lastname", "phone", "company", "lifecyclestage"],
    },
    Kind {
        stream: "companies",
        named: "company",
        type_id: "0-2",
        changed: "hs_lastmodifieddate",
        properties: &["name", "domain", "industry", "phone", "city", "country"],
    },
    Kind {
        stream: "deals",
        named: "deal",
        type_id: "0-3",
        changed: "hs_lastmodifieddate",
        properties: &["dealname", "amount", "dealstage", "pipeline", "closedate"],
    },
];

/// What a tenant may set for a connection.
#[derive(Deserialize)]
pub struct Config {
    /// The properties to read, by stream.
    #[serde(default)]
    properties: std::collections::BTreeMap<String, Vec<String>>,
}

impl Config {
    fn properties<'a>(&'a self, kind: &'a Kind) -> Vec<&'a str> {
        let chosen = self.properties.get(kind.stream).map(|chosen| chosen.iter().map(String::as_str).collect());
        let mut properties: Vec<&str> = chosen.unwrap_or_else(|| kind.properties.to_vec());
        properties.push(kind.changed);
        properties
    }
}

/// What was found is known to the search only after a while: a run begins so much before the last one did.
const OVERLAP: u64 = 300_000;

/// Objects per page: the most that the search gives, and the most that the listing does.
const FOUND: u32 = 200;
const LISTED: u32 = 100;

/// Where the stream stands.
#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Cursor {
    /// This run shows what changed at that time or later, in milliseconds since the Unix epoch; from 0 on, all.
    since: u64,
    /// When this run began, by HubSpot's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    began: Option<u64>,
    /// The last object that the search gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<String>,
    /// Set once the search is over: where the listing of archived objects goes on, empty at its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    archived: Option<String>,
}

impl Cursor {
    fn after(&self) -> Self {
        Self { since: self.began.unwrap_or(self.since).saturating_sub(OVERLAP), ..Self::default() }
    }
}

#[derive(Deserialize)]
struct Found<'a> {
    #[serde(borrow)]
    results: Vec<Record<'a, Head>>,
    #[serde(default)]
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct Head {
    id: String,
}

#[derive(Deserialize)]
struct Archived {
    results: Vec<Head>,
    #[serde(default)]
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct Paging {
    next: Option<Next>,
}

#[derive(Deserialize)]
struct Next {
    after: String,
}

/// One page: of what changed, then of what is gone.
pub fn pull(kind: &Kind, config: &Config, cursor: Option<&str>) -> Result<Page, Failure> {
    let mut at: Cursor = cursor::read(cursor)?;
    if let Some(after) = at.archived.take() {
        return archived(kind, at, after);
    }
    // In the order of ids and from the last one on instead of by `after`, with which the search ends at 10,000. What
    // changes during the walk is found by the next one.
    let mut filters = vec![json!({ "propertyName": kind.changed, "operator": "GTE", "value": at.since.to_string() })];
    if let Some(last) = &at.last {
        filters.push(json!({ "propertyName": "hs_object_id", "operator": "GT", "value": last }));
    }
    let search: Value = json!({
        "filterGroups": [{ "filters": filters }],
        "sorts": [{ "propertyName": "hs_object_id", "direction": "ASCENDING" }],
        "properties": config.properties(kind),
        "limit": FOUND,
    });
    let answer = http::post(format!("/crm/v3/objects/{}/search", kind.stream)).json(&search)?.send()?;
    let answer = answer.accept(api::failure)?;
    at.began.get_or_insert_with(|| answer.date());
    let Found { results, paging } = answer.records()?;
    if paging.is_some_and(|paging| paging.next.is_some()) {
        at.last = results.last().map(|record| record.head.id.clone());
    } else if at.since == 0 {
        // Nothing that is stored can be gone yet.
        return Page::of(items(results)).done(&at.after());
    } else {
        (at.last, at.archived) = (None, Some(String::new()));
    }
    Page::of(items(results)).more(&at)
}

fn items(records: Vec<Record<'_, Head>>) -> Vec<Item> {
    records.into_iter().map(|record| Item::raw(record.head.id, record.text)).collect()
}

/// A page of what is archived, which is how HubSpot deletes; it forgets it after 90 days.
fn archived(kind: &Kind, at: Cursor, after: String) -> Result<Page, Failure> {
    let request = http::get(format!("/crm/v3/objects/{}", kind.stream)).query("archived", true).query("limit", LISTED);
    let answer = request.query_if("after", Some(after).filter(|after| !after.is_empty())).accept(api::failure)?;
    let Archived { results, paging } = answer.json()?;
    let page = Page::of(Vec::new()).deleted(results.into_iter().map(|gone| gone.id).collect());
    match paging.and_then(|paging| paging.next) {
        Some(next) => page.more(&Cursor { archived: Some(next.after), ..at }),
        None => page.done(&at.after()),
    }
}
