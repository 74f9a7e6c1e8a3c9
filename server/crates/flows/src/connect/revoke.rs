//! The tenant withdraws a session.

use domain::connect::SessionState;
use ids::ConnectSessionId;
use serde_json::json;
use store::StoreError;

use crate::{Ctx, audit};

/// Withdraws an open session: its token opens nothing from then on. One that has made its connection keeps it, and one
/// that is over stays so.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn revoke(ctx: Ctx<'_>, id: ConnectSessionId) -> Result<(), StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    tx.connect_sessions().find(id).await?;
    if tx.connect_sessions().end(id, SessionState::Revoked, None).await? {
        tx.audit(audit::row(ctx.services, ctx.actor, "connect_session.revoked", id, json!({}))).await?;
    }
    tx.commit().await
}
