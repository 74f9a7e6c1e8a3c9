//! `POST /v1/connect/sessions`

use actix_web::HttpResponse;
use api_types::connect::{CreateConnectSession, CreatedConnectSession};
use domain::connect::EndUser;
use flows::connect::{NewSession, open};

use super::super::{
    extract::Json,
    principal::{Caller, ConnectWrite},
    problem::Fail,
};

/// Opens a connect session for an end user, to make or repair a connection. It may be used for 30 minutes, until it has
/// made its connection or is withdrawn. The token is in this answer and nowhere else.
///
/// The same-tab flow ends at `return_url` with the result in its query: `patchbay_session`, `status` (`connected` or
/// `failed`), `connection_id` or `code`, and last `signature`: the hex form of HMAC-SHA256 over the whole query up to
/// `&signature=`, keyed with SHA-256 of the session's token.
#[utoipa::path(post, path = "/v1/connect/sessions", tag = "Connect", request_body = CreateConnectSession,
    responses((status = 201, body = CreatedConnectSession)), security(("api_key" = ["connect:write"])))]
pub async fn create_connect_session(
    caller: Caller<ConnectWrite>,
    Json(body): Json<CreateConnectSession>,
) -> Result<HttpResponse, Fail> {
    let new = NewSession {
        end_user: EndUser { id: body.end_user.id, name: body.end_user.name },
        integrations: body.integrations,
        connection: body.connection_id,
        install: body.install,
        allowed_origins: body.allowed_origins,
        return_url: body.return_url,
        language: body.language,
        scopes: body.scopes,
        tags: body.tags,
    };
    let opened = open(caller.ctx(), new).await?;
    Ok(HttpResponse::Created().insert_header(("cache-control", "no-store")).json(CreatedConnectSession {
        id: opened.id,
        token: opened.token.expose().to_owned(),
        link: opened.link.expose().to_owned(),
        expires_at: opened.expires_at,
    }))
}
