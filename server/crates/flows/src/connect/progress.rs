//! What the connect page polls.

use domain::{
    connect::{Failure, SessionStatus},
    secret::Secret,
};
use ids::{ConnectSessionId, ConnectionId};
use store::{FirstSync, StoreError};

use super::session::{SessionError, by_token, status_of};
use crate::Services;

/// Where a session stands, and what came of it.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Where it stands.
    pub status: SessionStatus,
    /// Why the latest attempt failed, if it did.
    pub failure: Option<Failure>,
    /// What was connected.
    pub account: Option<Account>,
}

/// What was connected.
#[derive(Debug, Clone)]
pub struct Account {
    /// The connection.
    pub connection: ConnectionId,
    /// What the end user reads of the integration.
    pub integration_name: String,
    /// What people call the account.
    pub account_name: Option<String>,
    /// How far its first sync is.
    pub first_sync: FirstSync,
}

/// Where the session of a token stands.
///
/// # Errors
/// [`SessionError`].
pub async fn progress(services: &Services, token: &Secret) -> Result<Progress, SessionError> {
    let (scope, session) = by_token(services, token).await?;
    let mut tx = services.store.begin(scope).await?;
    let latest = tx.connect_attempts().latest(session.id).await?;
    let account = match session.connection {
        None => None,
        Some(connection) => {
            let found = tx.connections().context(connection).await?;
            Some(Account {
                connection,
                integration_name: found.integration.display_name,
                account_name: found.connection.account_name,
                first_sync: tx.connect_sessions().first_sync(connection).await?,
            })
        }
    };
    tx.commit().await?;
    let now = services.now();
    let (under_way, failure) = latest.map_or((false, None), |attempt| attempt.state.at(attempt.expires_at, now));
    Ok(Progress { status: status_of(&session, under_way, now)?, failure, account })
}

/// The pages that may frame a session's page. `None` if there is no such session: then nobody may, and the page says the
/// rest, so that it cannot be told by headers which sessions exist.
///
/// # Errors
/// The query failed.
pub async fn frame_ancestors(services: &Services, id: ConnectSessionId) -> Result<Option<Vec<String>>, StoreError> {
    let mut tx = services.store.begin_system().await?;
    let origins = match tx.frame_ancestors(id).await {
        Ok(origins) => Some(origins),
        Err(StoreError::NotFound) => None,
        Err(error) => return Err(error),
    };
    tx.commit().await?;
    Ok(origins)
}
