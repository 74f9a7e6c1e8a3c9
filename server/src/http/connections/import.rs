//! `POST /v1/connections`

use actix_web::HttpResponse;
use api_types::connection::{Connection, ImportConnection};
use domain::{connect::EndUser, secret::Secret};
use flows::connection::{self, Import, ImportedTokens};

use super::super::{
    extract::Json,
    integrations,
    principal::{Caller, ConnectionsWrite},
    problem::Fail,
};

/// Brings a connection along: tokens, an API key or whatever the provider asks for. It is tried at the provider before
/// anything is stored. With `connection_id` the credential of that connection is replaced, and its records stay.
#[utoipa::path(post, path = "/v1/connections", tag = "Connections", request_body = ImportConnection,
    responses((status = 201, body = Connection)), security(("api_key" = ["connections:write"])))]
pub async fn import_connection(
    caller: Caller<ConnectionsWrite>,
    Json(body): Json<ImportConnection>,
) -> Result<HttpResponse, Fail> {
    let import = Import {
        integration: body.integration,
        end_user: EndUser { id: body.end_user.id, name: body.end_user.name },
        connection: body.connection_id,
        fields: integrations::secrets(body.fields),
        tokens: body.tokens.map(|tokens| ImportedTokens {
            access_token: tokens.access_token.map(Secret::new),
            refresh_token: tokens.refresh_token.map(Secret::new),
            token_secret: tokens.token_secret.map(Secret::new),
            expires_at: tokens.expires_at,
            scopes: tokens.scopes,
        }),
        tags: body.tags,
    };
    let id = connection::import(caller.ctx(), import).await?;
    Ok(HttpResponse::Created().json(super::show(connection::get(caller.ctx(), id).await?)))
}
