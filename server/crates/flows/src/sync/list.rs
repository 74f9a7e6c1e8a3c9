//! Syncs, runs and what was written about them, for people and pages.

use ids::{ConnectionId, RunId, SyncId};
use store::{LogRow, RunRow, StoreError, SyncRow};

use crate::Ctx;

/// Syncs of one connection or of all, in the order in which they were made, after one of them.
///
/// # Errors
/// The query failed.
pub async fn list(
    ctx: Ctx<'_>,
    connection: Option<ConnectionId>,
    after: Option<SyncId>,
    limit: i64,
) -> Result<Vec<SyncRow>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let rows = tx.syncs().list(connection, after, limit).await?;
    tx.commit().await?;
    Ok(rows)
}

/// Runs, the latest first, of one connection or sync or of all, before one of them.
///
/// # Errors
/// The query failed.
pub async fn runs(
    ctx: Ctx<'_>,
    connection: Option<ConnectionId>,
    sync: Option<SyncId>,
    before: Option<RunId>,
    limit: i64,
) -> Result<Vec<RunRow>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let rows = tx.runs().list(connection, sync, before, limit).await?;
    tx.commit().await?;
    Ok(rows)
}

/// The run of that id.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn find_run(ctx: Ctx<'_>, id: RunId) -> Result<RunRow, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let row = tx.runs().find(id).await?;
    tx.commit().await?;
    Ok(row)
}

/// Lines of a run's log after one of them.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such run here.
pub async fn run_lines(ctx: Ctx<'_>, id: RunId, after: u32, limit: i64) -> Result<Vec<LogRow>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    tx.runs().find(id).await?;
    let rows = tx.runs().lines(id, after, limit).await?;
    tx.commit().await?;
    Ok(rows)
}
