//! A connection as tenants read it.

use std::time::Duration;

use ids::ConnectionId;
use store::{ConnectionRow, RevocationRow, RunRow, StoreError};

use crate::Ctx;

/// A connection with what a reader wants to know around it.
#[derive(Debug, Clone)]
pub struct ConnectionView {
    /// The connection.
    pub row: ConnectionRow,
    /// What the tenant's code calls the integration.
    pub integration: String,
    /// The provider's slug.
    pub provider: String,
    /// The latest run of any of its syncs.
    pub last_run: Option<RunRow>,
    /// What became of its grant, where somebody wanted it revoked.
    pub revocation: Option<RevocationRow>,
    /// The provider's host, where it keeps failing, and for how long it is left alone.
    pub rests: Option<(String, Duration)>,
}

/// The connection of that id.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(ctx: Ctx<'_>, id: ConnectionId) -> Result<ConnectionView, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let context = tx.connections().context(id).await?;
    let last_run = tx.runs().latest_of_connections(&[id]).await?.into_iter().next();
    let revocation = tx.revocations().of(&[id]).await?.into_iter().next();
    tx.commit().await?;
    Ok(ConnectionView {
        rests: ctx.services.egress.rests(context.integration.id),
        row: context.connection,
        integration: context.integration.slug,
        provider: context.integration.provider,
        last_run,
        revocation,
    })
}
