//! `POST /v1/connections/{connection}/syncs`

use actix_web::{HttpResponse, web};
use api_types::sync::{CreateSync, Sync};
use flows::sync::{self, NewVariant};

use super::super::{
    extract::{self, Json},
    principal::{Caller, SyncsWrite},
    problem::Fail,
};

/// Makes a further sync of a stream, with parameters of its own: one for each board, mailbox or region. It runs at once and
/// by the stream's schedule. Its records are read with `variant`.
#[utoipa::path(post, path = "/v1/connections/{connection}/syncs", tag = "Syncs",
    params(("connection" = String, Path, description = "The connection's id.")), request_body = CreateSync,
    responses((status = 201, body = Sync)), security(("api_key" = ["syncs:write"])))]
pub async fn create_sync(
    caller: Caller<SyncsWrite>,
    path: web::Path<String>,
    Json(body): Json<CreateSync>,
) -> Result<HttpResponse, Fail> {
    let CreateSync { stream, variant, params, backfill_days } = body;
    let new = NewVariant { stream, variant, params: params.into_iter().collect(), backfill_days };
    let row = sync::create(caller.ctx(), extract::id(&path, "connection")?, new).await?;
    Ok(HttpResponse::Created().json(super::show(row)))
}
