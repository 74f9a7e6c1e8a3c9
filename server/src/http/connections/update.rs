//! `PATCH /v1/connections/{connection}`

use actix_web::web;
use api_types::{
    ProblemCode,
    connection::{Connection, UpdateConnection},
};
use flows::connection::{self, Change, ConnectionChanges, UpdateError};

use super::super::{
    extract::{self, Json},
    principal::{Caller, ConnectionsWrite},
    problem::Fail,
};

impl From<UpdateError> for Fail {
    fn from(error: UpdateError) -> Self {
        match error {
            UpdateError::Field(field, rule) => Self::field(field, rule),
            UpdateError::NotFound => Self::not_found("connection"),
            UpdateError::Store(error) => error.into(),
        }
    }
}

/// Changes what you note on a connection: its tags, by which `GET /v1/connections?tag=` finds it and API keys may be
/// bound, its metadata, and what you call the end user.
#[utoipa::path(patch, path = "/v1/connections/{connection}", tag = "Connections", request_body = UpdateConnection,
    params(("connection" = String, Path, description = "The connection's id.")),
    responses((status = 200, body = Connection)), security(("api_key" = ["connections:write"])))]
pub async fn update_connection(
    caller: Caller<ConnectionsWrite>,
    path: web::Path<String>,
    Json(body): Json<UpdateConnection>,
) -> Result<web::Json<Connection>, Fail> {
    let id = extract::id(&path, "connection")?;
    let changes = changes(body)?;
    connection::update(caller.ctx(), id, changes).await?;
    Ok(web::Json(super::show(connection::get(caller.ctx(), id).await?)))
}

/// What is to be changed.
///
/// # Errors
/// 422 where a whole is to be replaced and merged into.
pub(super) fn changes(body: UpdateConnection) -> Result<ConnectionChanges, Fail> {
    let tags = either("tags", body.tags, body.tags_merge)?.map(|change| match change {
        Whole::Replace(all) => Change::Replace(all),
        Whole::Merge(patch) => Change::Merge(patch.into_iter().map(|(name, value)| (name, value.into())).collect()),
    });
    let metadata = either("metadata", body.metadata, body.metadata_merge)?.map(|change| match change {
        Whole::Replace(all) => Change::Replace(all),
        Whole::Merge(patch) => Change::Merge(patch),
    });
    Ok(ConnectionChanges { end_user_name: body.end_user_name, tags, metadata })
}

enum Whole<R, M> {
    Replace(R),
    Merge(M),
}

/// One of the two ways to change a whole, if any.
fn either<R, M>(field: &str, all: Option<R>, patch: Option<M>) -> Result<Option<Whole<R, M>>, Fail> {
    match (all, patch) {
        (Some(_), Some(_)) => {
            let detail = format!("Send `{field}` to replace all, or `{field}_merge` to change some, not both.");
            Err(Fail::new(ProblemCode::InvalidFields, detail))
        }
        (Some(all), None) => Ok(Some(Whole::Replace(all))),
        (None, patch) => Ok(patch.map(Whole::Merge)),
    }
}
