//! Entities by change: the query language finds those that changed, change data capture those that are gone.

use patchbay_plugin::{Failure, Item, Page, Response, cursor, http, json::Record, time};
use serde::{Deserialize, Serialize};

use crate::api;

/// A kind of entity that is a stream.
pub struct Kind {
    /// The stream.
    pub stream: &'static str,
    /// What QuickBooks calls it.
    pub entity: &'static str,
    /// What else the query asks for. Names are never deleted, only made inactive, and then left out unless one asks.
    also: &'static str,
    /// Whether it can be deleted.
    is_deletable: bool,
}

/// All of them.
pub const KINDS: &[Kind] = &[
    Kind { stream: "invoices", entity: "Invoice", also: "", is_deletable: true },
    Kind { stream: "customers", entity: "Customer", also: "Active IN (true, false) AND ", is_deletable: false },
    Kind { stream: "payments", entity: "Payment", also: "", is_deletable: true },
];

/// What a tenant may set for a connection.
#[derive(Deserialize)]
pub struct Config {
    page_size: Option<u32>,
}

impl Config {
    /// QuickBooks gives at most 1,000 entities at once.
    fn page_size(&self) -> u32 {
        self.page_size.unwrap_or(1000).clamp(1, 1000)
    }
}

/// Change data capture knows the last 30 days and gives at most 1,000 entities, without a way to the others.
const REMEMBERED: u64 = 30 * 24 * 60 * 60 * 1000;
const CAPTURED: usize = 1000;

/// Where the stream stands.
#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Cursor {
    /// The last change that was seen, as QuickBooks wrote it: what changed then or later is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// How many entities that changed since then have been passed over, because so many changed in the same second.
    #[serde(skip_serializing_if = "is_zero")]
    passed: u32,
    /// When this run began, by QuickBooks' clock, in milliseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    began: Option<u64>,
    /// When the last one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Queried<'a> {
    #[serde(borrow)]
    query_response: Found<Record<'a, Head>>,
}

/// What was found; where nothing was, not even the list is there.
#[derive(Deserialize)]
struct Found<T> {
    #[serde(alias = "Invoice", alias = "Customer", alias = "Payment", default = "Vec::new")]
    entities: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Head {
    id: String,
    meta_data: MetaData,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetaData {
    last_updated_time: String,
}

/// One page in the order of changes. Each begins at the last change of the one before, so that an entity that changes
/// meanwhile, and moves to the end, shifts none of the others past the walk; a few are seen twice.
pub fn pull(kind: &Kind, config: &Config, cursor: Option<&str>) -> Result<Page, Failure> {
    let mut at: Cursor = cursor::read(cursor)?;
    if at.before.is_some_and(|before| kind.is_deletable && time::now().saturating_sub(before) > REMEMBERED) {
        return Err(Failure::cursor_expired(
            "QuickBooks tells deletions of the last 30 days, and the last run is older.",
        ));
    }
    let size = config.page_size();
    let answer = query(kind, &at, size)?;
    at.began.get_or_insert_with(|| answer.date());
    let found = answer.records::<Queried<'_>>()?.query_response.entities;
    let is_full = u32::try_from(found.len()).is_ok_and(|len| len >= size);
    if let Some(last) = found.last().map(|record| &record.head.meta_data.last_updated_time) {
        if at.since.as_ref() == Some(last) {
            at.passed = if is_full { at.passed.saturating_add(size) } else { 0 };
        } else {
            (at.since, at.passed) = (Some(last.clone()), 0);
        }
    }
    let page = Page::of(found.into_iter().map(|record| Item::raw(record.head.id, record.text)).collect());
    if is_full {
        return page.more(&at);
    }
    let gone = match at.before.filter(|_| kind.is_deletable) {
        Some(before) => deleted(kind, before)?,
        None => Vec::new(),
    };
    page.deleted(gone).done(&Cursor { since: at.since, passed: 0, began: None, before: at.began })
}

fn query(kind: &Kind, at: &Cursor, size: u32) -> Result<Response, Failure> {
    let Kind { entity, also, .. } = kind;
    // From 1970 on instead of without a time, so that all pages are asked for in the same way.
    let since = at.since.as_deref().unwrap_or("1970-01-01T00:00:00Z");
    let start = at.passed.saturating_add(1);
    let text = format!(
        "SELECT * FROM {entity} WHERE {also}MetaData.LastUpdatedTime >= '{since}' ORDERBY MetaData.LastUpdatedTime STARTPOSITION {start} MAXRESULTS {size}"
    );
    let request = http::get("/query").query("query", text).query("minorversion", api::MINOR_VERSION);
    api::accept(request.send()?)
}

#[derive(Deserialize)]
struct Capture {
    #[serde(rename = "CDCResponse")]
    responses: Vec<Captured>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Captured {
    query_response: Vec<Found<Changed>>,
}

#[derive(Deserialize)]
struct Changed {
    #[serde(rename = "Id")]
    id: String,
    #[serde(default)]
    status: String,
}

/// What was deleted since that time.
fn deleted(kind: &Kind, since: u64) -> Result<Vec<String>, Failure> {
    let request = http::get("/cdc").query("entities", kind.entity).query("changedSince", time::rfc3339(since));
    let answer = api::accept(request.query("minorversion", api::MINOR_VERSION).send()?)?;
    let Capture { responses } = answer.json()?;
    let changed: Vec<Changed> =
        responses.into_iter().flat_map(|one| one.query_response).flat_map(|found| found.entities).collect();
    if changed.len() >= CAPTURED {
        return Err(Failure::cursor_expired("More has changed than QuickBooks tells deletions of at once."));
    }
    Ok(changed.into_iter().filter(|one| one.status == "Deleted").map(|one| one.id).collect())
}
