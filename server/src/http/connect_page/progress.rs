//! `GET /connect/api/progress`

use actix_web::web;
use api_types::connect::{ConnectProgress, ConnectedAccount};
use flows::connect::progress;

use super::{
    super::{connect_sessions, problem::Fail},
    token::SessionToken,
};

/// What the connect page polls while the end user is at the provider and while the first sync runs.
#[utoipa::path(get, path = "/connect/api/progress", tag = "Connect page",
    responses((status = 200, body = ConnectProgress)), security(("connect_session" = [])))]
pub async fn get_connect_progress(caller: SessionToken) -> Result<web::Json<ConnectProgress>, Fail> {
    let found = progress(caller.services(), &caller.token).await?;
    Ok(web::Json(ConnectProgress {
        status: connect_sessions::status(found.status),
        failure: found.failure.map(connect_sessions::failure),
        connection: found.account.map(|account| ConnectedAccount {
            connection_id: account.connection,
            integration_name: account.integration_name,
            account_name: account.account_name,
            syncs_total: u32::try_from(account.first_sync.total).unwrap_or(u32::MAX),
            syncs_done: u32::try_from(account.first_sync.done).unwrap_or(u32::MAX),
            records: u64::try_from(account.first_sync.records).unwrap_or_default(),
        }),
    }))
}
