//! `GET /v1/records/export`

use actix_web::HttpResponse;
use flows::record::{self, ExportFormat};
use ids::ConnectionId;
use serde::Deserialize;
use store::StreamOf;

use super::super::{
    extract::Query,
    principal::{Caller, RecordsRead},
    problem::Fail,
};

/// Which records, and as what.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wish {
    /// The connection.
    connection: ConnectionId,
    /// The stream.
    stream: String,
    /// By which of the stream's syncs; absent for the one that every connection has.
    variant: Option<String>,
    /// `jsonl` (JSON Lines, the default) or `parquet` (Apache Parquet).
    format: Option<String>,
    /// Only what changed after this: a cursor of the feed, or of a line of an export that broke off.
    cursor: Option<String>,
}

/// Exports a stream's records, deleted ones too, as one file that is made while it is sent. Everything in it is as it was
/// at one moment, in the order of the latest changes; the feed goes on after it at the cursor in `patchbay-next-cursor`.
///
/// A line of JSON Lines is a record as the feed has it, with a `cursor`: where an export breaks off, ask again with that of
/// the last whole line. A Parquet file that breaks off is none; it has the columns `id`, `data` (JSON), `created_at`,
/// `updated_at` and `deleted_at`, and in its metadata `patchbay.next_cursor`.
#[utoipa::path(get, path = "/v1/records/export", tag = "Records", params(Wish),
    responses((status = 200, content_type = "application/octet-stream", body = [u8])),
    security(("api_key" = ["records:read"])))]
pub async fn export_records(caller: Caller<RecordsRead>, Query(wish): Query<Wish>) -> Result<HttpResponse, Fail> {
    let (format, kind, name) = match wish.format.as_deref() {
        None | Some("jsonl") => (ExportFormat::JsonLines, "application/x-ndjson", "records.jsonl"),
        Some("parquet") => (ExportFormat::Parquet, "application/vnd.apache.parquet", "records.parquet"),
        Some(_) => return Err(Fail::field("format", "must be jsonl or parquet")),
    };
    let of = StreamOf { stream: &wish.stream, variant: wish.variant.as_deref().unwrap_or_default() };
    let export = record::export(caller.ctx(), wish.connection, of, wish.cursor.as_deref(), format).await?;
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header(("cache-control", "no-store"))
        .insert_header(("content-disposition", format!("attachment; filename=\"{name}\"")))
        .insert_header(("patchbay-next-cursor", export.next.encode()))
        .streaming(Box::pin(export.bytes)))
}
