//! `PATCH /v1/connections`

use actix_web::web;
use api_types::{
    ProblemCode,
    connection::{ConnectionsMatching, UpdateConnections, UpdatedConnections},
};
use flows::connection::{self, UpdateManyError, Which};

use super::super::{
    extract::Json,
    principal::{Caller, ConnectionsWrite},
    problem::Fail,
};

impl From<UpdateManyError> for Fail {
    fn from(error: UpdateManyError) -> Self {
        match error {
            UpdateManyError::Fields(fields) => Self::fields(fields),
            UpdateManyError::Store(error) => error.into(),
        }
    }
}

/// Changes what you note on many connections, the same of each: those that are named, or all that match. All are changed
/// or none is, and what is wrong with which is told by its place in the list. Each that changes has an event of its own.
#[utoipa::path(patch, path = "/v1/connections", tag = "Connections", request_body = UpdateConnections,
    responses((status = 200, body = UpdatedConnections)), security(("api_key" = ["connections:write"])))]
pub async fn update_connections(
    caller: Caller<ConnectionsWrite>,
    Json(body): Json<UpdateConnections>,
) -> Result<web::Json<UpdatedConnections>, Fail> {
    let which = match (body.connections, body.matching) {
        (Some(ids), None) => Which::Named(ids),
        (None, Some(matching)) => Which::Matching(filter(matching)?),
        (Some(_), Some(_)) | (None, None) => {
            let detail = "Say which connections are meant: `connections` names them, `matching` says what they have in \
                common. Send one of the two.";
            return Err(Fail::new(ProblemCode::InvalidFields, detail));
        }
    };
    let updated = connection::update_many(caller.ctx(), which, super::update::changes(body.change)?).await?;
    Ok(web::Json(UpdatedConnections {
        matched: u64::try_from(updated.matched).unwrap_or(u64::MAX),
        changed: updated.changed,
    }))
}

fn filter(matching: ConnectionsMatching) -> Result<connection::ListFilter, Fail> {
    if matching == ConnectionsMatching::default() {
        // All of an environment is not meant by saying nothing.
        return Err(Fail::field("matching", "say at least one of `integration`, `end_user`, `health` and `tag`"));
    }
    let ConnectionsMatching { integration, end_user, health, tag } = matching;
    super::filter(integration, end_user, health, tag.as_deref(), "matching.tag")
}
