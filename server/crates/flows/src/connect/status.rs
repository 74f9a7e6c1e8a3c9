//! A session as the tenant's backend polls it.

use domain::connect::{Failure, SessionStatus};
use ids::ConnectSessionId;
use store::{ConnectSessionRow, StoreError};

use crate::Ctx;

/// A session and where it stands.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// The session.
    pub row: ConnectSessionRow,
    /// Where it stands now.
    pub status: SessionStatus,
    /// Why the latest attempt failed, if it did.
    pub failure: Option<Failure>,
}

/// The session of that id.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn status(ctx: Ctx<'_>, id: ConnectSessionId) -> Result<SessionView, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let row = tx.connect_sessions().find(id).await?;
    let latest = tx.connect_attempts().latest(id).await?;
    tx.commit().await?;
    let now = ctx.services.now();
    let (under_way, failure) = latest.map_or((false, None), |attempt| attempt.state.at(attempt.expires_at, now));
    Ok(SessionView { status: row.state.status(row.expires_at, under_way, now), row, failure })
}
