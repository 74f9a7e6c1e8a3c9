//! Who holds a session's token.

use chrono::{DateTime, Utc};
use domain::{
    Scope,
    connect::{AFTERGLOW, ATTEMPT_LIFETIME, SessionState, SessionStatus},
    secret::Secret,
};
use store::{ConnectSessionRow, IntegrationRow, StoreError};

use crate::{Actor, Ctx, Services, sha256};

/// What a session's token begins with.
pub(super) const PREFIX: &str = "cst_";

/// Why a session's token opens nothing.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No session has that token.
    #[error("the connect session is not known")]
    Unknown,
    /// Its time is over.
    #[error("the connect session has expired")]
    Expired,
    /// The tenant withdrew it.
    #[error("the connect session was withdrawn")]
    Revoked,
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::Unknown,
            other => Self::Store(other),
        }
    }
}

/// The session of a token, as long as it may be read: until its end, as long as an attempt that was begun in time may
/// still come to its end, and a while longer if it made a connection. Whether it may still be used is told by its status.
pub(super) async fn by_token(services: &Services, token: &Secret) -> Result<(Scope, ConnectSessionRow), SessionError> {
    if !token.expose().starts_with(PREFIX) || token.expose().len() > 100 {
        return Err(SessionError::Unknown);
    }
    let mut tx = services.store.begin_system().await?;
    let found = tx.connect_session_by_token(&sha256(token.expose().as_bytes())).await?;
    tx.commit().await?;
    let (_, row) = &found;
    let now = services.now();
    match row.state {
        SessionState::Revoked => Err(SessionError::Revoked),
        SessionState::Connected if now < row.expires_at + AFTERGLOW => Ok(found),
        SessionState::Open if now < row.expires_at + ATTEMPT_LIFETIME => Ok(found),
        SessionState::Connected | SessionState::Open => Err(SessionError::Expired),
    }
}

/// The context of a session's end user.
pub(super) fn ctx_of<'a>(services: &'a Services, scope: Scope, row: &ConnectSessionRow) -> Ctx<'a> {
    services.ctx(scope, Actor::EndUser(row.id))
}

/// What is asked for: the session's own list, or the integration's.
pub(super) fn scopes_of(session: &ConnectSessionRow, integration: &IntegrationRow) -> Option<Vec<String>> {
    session.scopes.clone().or_else(|| integration.scopes.clone())
}

/// Where a session stands, for whoever may read it: one that is merely over is not read.
pub(super) fn status_of(
    row: &ConnectSessionRow,
    under_way: bool,
    now: DateTime<Utc>,
) -> Result<SessionStatus, SessionError> {
    match row.state.status(row.expires_at, under_way, now) {
        SessionStatus::Expired => Err(SessionError::Expired),
        status => Ok(status),
    }
}
