//! What came to our URLs, for people to see, and for the tenant to read where it wants to be told.

use ids::{ConnectionId, InboundId, IntegrationId};
use store::{InboundRow, StoreError};
use vault::Sealed;

use super::{Kept, kept_place};
use crate::{
    Ctx,
    credentials::{SealError, open},
};

/// A delivery with what was kept of it.
#[derive(Debug, Clone)]
pub struct InboundView {
    /// The delivery.
    pub row: InboundRow,
    /// As it came, as long as it is kept.
    pub kept: Option<Kept>,
}

/// Why a delivery is not shown.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No such delivery here.
    #[error("there is no such delivery")]
    NotFound,
    /// It could not be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

/// What came to the URLs of one integration, of one connection, or to all, the latest first, before one of them.
///
/// # Errors
/// The query failed.
pub async fn list(
    ctx: Ctx<'_>,
    integration: Option<IntegrationId>,
    connection: Option<ConnectionId>,
    before: Option<InboundId>,
    limit: i64,
) -> Result<Vec<InboundRow>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let rows = tx.inbound().list(integration, connection, before, limit).await?;
    tx.commit().await?;
    Ok(rows)
}

/// A delivery.
///
/// # Errors
/// [`ReadError`].
pub async fn get(ctx: Ctx<'_>, id: InboundId) -> Result<InboundView, ReadError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let row = tx.inbound().find(id).await?;
    tx.commit().await?;
    let kept = match &row.kept {
        None => None,
        Some(bytes) => {
            let sealed = Sealed::from_bytes(bytes.clone()).map_err(SealError::Keys)?;
            Kept::from_bytes(&open(ctx, kept_place(id), &sealed).await?)
        }
    };
    Ok(InboundView { row, kept })
}
