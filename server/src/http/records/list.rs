//! `GET /v1/records`

use actix_web::HttpResponse;
use api_types::sync::RecordPage;
use chrono::{DateTime, Utc};
use flows::record::{self, Fields, Wanted};
use ids::ConnectionId;
use serde::Deserialize;
use store::RecordFilter;

use super::super::{
    extract::Query,
    principal::{Caller, RecordsRead},
    problem::Fail,
};

/// The most records on a page.
const MOST: u16 = 1000;
/// What a change can be.
const CHANGES: &[&str] = &["added", "updated", "deleted"];

/// Which records.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Feed {
    /// The connection.
    connection: ConnectionId,
    /// The stream.
    stream: String,
    /// By which of the stream's syncs; absent for the one that every connection has.
    variant: Option<String>,
    /// `next_cursor` of an earlier page; absent to begin.
    cursor: Option<String>,
    /// How many, 1 to 1000; 100 if absent. A page also ends after 8 MB.
    limit: Option<u16>,
    /// Only records of these ids, with commas between them; 100 at most.
    id: Option<String>,
    /// Only records whose latest change is one of these, with commas between them: `added` (first seen, and not changed
    /// since), `updated` (changed, or there again), `deleted`.
    change: Option<String>,
    /// Only records that changed then or later.
    changed_since: Option<DateTime<Utc>>,
    /// Only records that changed before then.
    changed_before: Option<DateTime<Utc>>,
    /// Only records that contain this: a JSON object, such as `{"status":"paid","customer":{"id":7}}`. A list is contained
    /// in one that has all its items. Not for sealed records.
    #[serde(rename = "where")]
    holds: Option<String>,
    /// Only these fields of each record: dotted paths with commas between them, such as `id,customer.name`.
    fields: Option<String>,
}

/// Reads a stream's records in the order of their latest change, deleted ones too. Go on with `next_cursor`, now or days
/// later: no change that lasts is missed. With a filter a page may hold less than there is, or nothing, while `has_more` is
/// true: it ends after so many records that were looked through.
#[utoipa::path(get, path = "/v1/records", tag = "Records", params(Feed),
    responses((status = 200, body = RecordPage)), security(("api_key" = ["records:read"])))]
pub async fn list_records(caller: Caller<RecordsRead>, Query(feed): Query<Feed>) -> Result<HttpResponse, Fail> {
    let limit = match feed.limit.unwrap_or(100) {
        limit @ 1..=MOST => limit,
        _ => return Err(Fail::field("limit", format!("must be 1 to {MOST}"))),
    };
    let fields = feed.fields.as_deref().map(Fields::parse).transpose();
    let wanted = Wanted {
        connection: feed.connection,
        stream: &feed.stream,
        variant: feed.variant.as_deref(),
        cursor: feed.cursor.as_deref(),
        limit,
        fields: fields.map_err(|said| Fail::field("fields", said))?,
        filter: RecordFilter {
            ids: feed.id.as_deref().map(|ids| ids.split(',').map(str::to_owned).collect()),
            changes: feed.change.as_deref().map(changes).transpose()?,
            since: feed.changed_since,
            before: feed.changed_before,
            holds: feed.holds,
        },
    };
    let list = record::list(caller.ctx(), wanted).await?;
    // Written here and not from `RecordPage`: what records hold passes on as the database wrote it.
    let mut page = b"{\"data\":[".to_vec();
    for (index, one) in list.records.iter().enumerate() {
        if index > 0 {
            page.push(b',');
        }
        record::write_json(&mut page, one, None);
    }
    let end = format!("],\"next_cursor\":\"{}\",\"has_more\":{}}}", list.next.encode(), list.has_more);
    page.extend_from_slice(end.as_bytes());
    Ok(HttpResponse::Ok().content_type("application/json").body(page))
}

fn changes(text: &str) -> Result<Vec<&'static str>, Fail> {
    let known = |word: &str| CHANGES.iter().copied().find(|known| *known == word);
    let all: Option<Vec<_>> = text.split(',').map(known).collect();
    all.ok_or_else(|| {
        Fail::field("change", format!("must be some of {}, with commas between them", CHANGES.join(", ")))
    })
}
