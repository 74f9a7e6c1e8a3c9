//! `POST /v1/imports/{import}/rows`

use actix_web::{HttpRequest, web};
use api_types::{ProblemCode, connection::Import};
use domain::permission::Permission;
use flows::connection::{self, Format, Row, Rows, RowsError, Taking};
use serde::Deserialize;

use super::super::{
    connections::import::EXTRA,
    extract::{self, Query, body_failure},
    principal::{Caller, ConnectionsWrite},
    problem::Fail,
};

/// The most rows in one body: each is tried at its provider before the answer.
const MOST_ROWS: usize = 200;

/// How rows are taken.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct How {
    /// Which row of the import the first of these is, from 0. Rows that are done already are passed over, so a body may be
    /// sent again after a broken connection.
    first_row: u64,
    /// Replace the credentials of connections that are there already, instead of leaving them as they are.
    #[serde(default)]
    replace: bool,
    /// Store nothing unless all rows of this body are right.
    #[serde(default)]
    all_or_nothing: bool,
    /// These are the last rows.
    #[serde(default)]
    last: bool,
}

/// Takes rows of an import: JSON Lines, or CSV with its header in each body; at most 200. Each is tried at the provider.
/// Rows that are wrong do not hold up the others: `errors` says which, with line and field. By `external_id`, or the end
/// user where there is none, a row is known again, in later imports too.
#[utoipa::path(post, path = "/v1/imports/{import}/rows", tag = "Connections",
    params(("import" = String, Path, description = "The import's id."), How),
    request_body(content((String = "application/x-ndjson"), (String = "text/csv"))),
    responses((status = 200, body = Import)), security(("api_key" = ["connections:write"])))]
pub async fn send_import_rows(
    caller: Caller<ConnectionsWrite>,
    path: web::Path<String>,
    Query(how): Query<How>,
    request: HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<web::Json<Import>, Fail> {
    let id = extract::id(&path, "import")?;
    // Before anything is said of the body: whose import it is.
    connection::get_import(caller.whole()?, id, 0).await?;
    let rows = read(format(&request)?, &body.map_err(|error| body_failure(&error))?)?;
    let may_all = caller.permissions().allow(Permission::INTEGRATIONS_WRITE);
    if !may_all && rows.iter().any(has_extra) {
        return Err(Fail::new(ProblemCode::MissingScope, EXTRA));
    }
    let taking = Taking { replace: how.replace, all_or_nothing: how.all_or_nothing, last: how.last };
    Ok(web::Json(super::show(connection::take_rows(caller.whole()?, id, how.first_row, rows, taking).await?)))
}

fn format(request: &HttpRequest) -> Result<Format, Fail> {
    let kind = request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/x-ndjson" | "application/jsonl" => Ok(Format::JsonLines),
        "text/csv" => Ok(Format::Csv),
        _ => {
            let detail = "Send rows with `content-type: application/x-ndjson` or `text/csv`.";
            Err(Fail::new(ProblemCode::UnsupportedMediaType, detail))
        }
    }
}

fn read(format: Format, body: &[u8]) -> Result<Vec<Row>, Fail> {
    let wrong = |error: RowsError| Fail::field("body", error.to_string());
    let rows: Vec<Row> =
        Rows::of(format, body).map_err(wrong)?.take(MOST_ROWS + 1).collect::<Result<_, _>>().map_err(wrong)?;
    if rows.len() > MOST_ROWS {
        return Err(Fail::field("body", format!("has more than {MOST_ROWS} rows: send the rest in the next")));
    }
    Ok(rows)
}

fn has_extra(row: &Row) -> bool {
    let tokens = row.said.as_ref().ok().and_then(|said| said.import.tokens.as_ref());
    tokens.is_some_and(|tokens| !tokens.extra.is_empty())
}
