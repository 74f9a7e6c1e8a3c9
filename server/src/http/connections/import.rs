//! `POST /v1/connections`

use actix_web::HttpResponse;
use api_types::{
    ProblemCode,
    connection::{Connection, ImportConnection},
};
use domain::{connect::EndUser, permission::Permission};
use flows::connection::{self, Import};

use super::super::{
    extract::Json,
    integrations,
    principal::{Caller, ConnectionsWrite},
    problem::Fail,
};

/// Why what an export has beside the tokens takes more than to write connections.
pub(in super::super) const EXTRA: &str = "`tokens.extra` can say where an integration's client is shown: this needs the \
    scope `integrations:write` too.";

/// Brings a connection along: tokens, an API key or whatever the provider asks for. It is tried at the provider before
/// anything is stored. With `connection_id` the credential of that connection is replaced, and its records stay.
#[utoipa::path(post, path = "/v1/connections", tag = "Connections", request_body = ImportConnection,
    responses((status = 201, body = Connection)), security(("api_key" = ["connections:write"])))]
pub async fn import_connection(
    caller: Caller<ConnectionsWrite>,
    Json(body): Json<ImportConnection>,
) -> Result<HttpResponse, Fail> {
    let may_all = caller.permissions().allow(Permission::INTEGRATIONS_WRITE);
    if !may_all && body.tokens.as_ref().is_some_and(|tokens| !tokens.extra.is_empty()) {
        return Err(Fail::new(ProblemCode::MissingScope, EXTRA));
    }
    let import = Import {
        integration: body.integration,
        end_user: EndUser { id: body.end_user.id, name: body.end_user.name },
        connection: body.connection_id,
        fields: integrations::secrets(body.fields),
        tokens: body.tokens.map(Into::into),
        tags: body.tags,
        metadata: body.metadata,
    };
    let id = connection::import(caller.ctx(), import).await?;
    Ok(HttpResponse::Created().json(super::show(connection::get(caller.ctx(), id).await?)))
}
