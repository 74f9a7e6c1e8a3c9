//! The row of an attempt, from its beginning to the end that it did not survive.

use chrono::{DateTime, Utc};
use domain::{
    Scope,
    connect::{AttemptState, Display, Failure},
    manifest::Variables,
};
use ids::AttemptId;
use serde_json::json;
use store::{AttemptRow, ConnectSessionRow, IntegrationRow, StoreError, Tx};

use super::pending::Pending;
use crate::{Ctx, audit, credentials::SealError};

/// An attempt to be stored.
pub(super) struct Attempt<'a> {
    pub id: AttemptId,
    pub session: &'a ConnectSessionRow,
    pub integration: &'a IntegrationRow,
    pub display: Display,
    pub variables: Variables,
}

impl Attempt<'_> {
    /// Its row, which lives between two moments, with what it keeps sealed.
    ///
    /// # Errors
    /// The key service failed.
    pub(super) async fn row(
        self,
        ctx: Ctx<'_>,
        pending: &Pending,
        browser_hash: Vec<u8>,
        (created_at, expires_at): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<AttemptRow, SealError> {
        Ok(AttemptRow {
            id: self.id,
            session: self.session.id,
            integration: self.integration.id,
            state: AttemptState::Pending,
            display: self.display,
            browser_hash,
            kept: Some(pending.seal(ctx, self.id).await?),
            variables: self.variables,
            created_at,
            expires_at,
        })
    }
}

/// Stores one, found by the hash of its state.
///
/// # Errors
/// The query failed.
pub(super) async fn store(
    tx: &mut Tx<Scope>,
    ctx: Ctx<'_>,
    row: &AttemptRow,
    state_hash: &[u8],
) -> Result<(), StoreError> {
    tx.connect_attempts().insert(row, state_hash).await?;
    let detail = json!({ "attempt": row.id, "integration": row.integration });
    tx.audit(audit::row(ctx.services, ctx.actor, "connect.launched", row.session, detail)).await
}

/// Ends a consumed one that failed.
///
/// # Errors
/// The query failed, or it is not consumed.
pub(super) async fn fail(
    tx: &mut Tx<Scope>,
    ctx: Ctx<'_>,
    attempt: &AttemptRow,
    failure: &Failure,
) -> Result<(), StoreError> {
    tx.connect_attempts().finish(attempt.id, Some(failure), ctx.services.now()).await?;
    let detail = json!({ "attempt": attempt.id, "code": failure.code.as_str(), "detail": failure.detail });
    tx.audit(audit::row(ctx.services, ctx.actor, "connect.failed", attempt.session, detail)).await
}
