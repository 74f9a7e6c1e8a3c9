//! What can be done, and what was done, for people and pages.

use domain::manifest::ActionSpec;
use ids::{ActionRunId, ConnectionId};
use serde_json::Value;
use store::{ActionRunFilter, ActionRunRow, LogRow, StoreError};

use super::call::output;
use crate::{
    Ctx,
    credentials::{self, FreshError, SealError},
};

/// What can be done on a connection's account.
///
/// # Errors
/// [`FreshError`].
pub async fn actions(ctx: Ctx<'_>, connection: ConnectionId) -> Result<Vec<ActionSpec>, FreshError> {
    let access = credentials::access(ctx, connection).await?;
    let provider = &access.provider;
    Ok(if provider.plugin.is_some() { provider.manifest.actions.clone() } else { Vec::new() })
}

/// Calls, the latest first, before one of them.
///
/// # Errors
/// The query failed.
pub async fn runs(
    ctx: Ctx<'_>,
    filter: &ActionRunFilter,
    before: Option<ActionRunId>,
    limit: i64,
) -> Result<Vec<ActionRunRow>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let rows = tx.action_runs().list(filter, before, limit).await?;
    tx.commit().await?;
    Ok(rows)
}

/// The call of that id, with what came out of it if that is kept.
///
/// # Errors
/// [`StoreError::NotFound`], or what came out does not open.
pub async fn find(ctx: Ctx<'_>, id: ActionRunId) -> Result<(ActionRunRow, Option<Value>), SealError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let row = tx.action_runs().find(id).await?;
    tx.commit().await?;
    let output = output(ctx, &row).await?;
    Ok((row, output))
}

/// Lines of a call's log after one of them.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such call here.
pub async fn lines(ctx: Ctx<'_>, id: ActionRunId, after: u32, limit: i64) -> Result<Vec<LogRow>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    tx.action_runs().find(id).await?;
    let rows = tx.action_runs().lines(id, after, limit).await?;
    tx.commit().await?;
    Ok(rows)
}
