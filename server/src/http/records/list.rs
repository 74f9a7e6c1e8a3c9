//! `GET /v1/records`

use actix_web::web;
use api_types::sync::RecordPage;
use flows::record;
use ids::ConnectionId;
use serde::Deserialize;

use super::super::{
    extract::Query,
    principal::{Caller, RecordsRead},
    problem::Fail,
};

/// The most records on a page.
const MOST: u16 = 1000;

/// Which records.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Feed {
    /// The connection.
    connection: ConnectionId,
    /// The stream.
    stream: String,
    /// `next_cursor` of an earlier page; absent to begin.
    cursor: Option<String>,
    /// How many, 1 to 1000; 100 if absent.
    limit: Option<u16>,
}

/// Reads a stream's records in the order of their latest change, deleted ones too. Go on with `next_cursor`, now or days
/// later: no change that lasts is missed.
#[utoipa::path(get, path = "/v1/records", tag = "Records", params(Feed),
    responses((status = 200, body = RecordPage)), security(("api_key" = ["records:read"])))]
pub async fn list_records(
    caller: Caller<RecordsRead>,
    Query(feed): Query<Feed>,
) -> Result<web::Json<RecordPage>, Fail> {
    let limit = match feed.limit.unwrap_or(100) {
        limit @ 1..=MOST => limit,
        _ => return Err(Fail::field("limit", format!("must be 1 to {MOST}"))),
    };
    let list = record::list(caller.ctx(), feed.connection, &feed.stream, feed.cursor.as_deref(), limit).await?;
    Ok(web::Json(RecordPage {
        data: list.records.into_iter().map(super::show).collect(),
        next_cursor: list.next.encode(),
        has_more: list.has_more,
    }))
}
