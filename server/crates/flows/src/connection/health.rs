//! A connection lost its grant, or has it back by itself.

use api_types::event::EventKind;
use domain::{
    Scope,
    connection::{Health, ReauthCause},
};
use ids::ConnectionId;
use serde_json::json;
use store::{StoreError, Tx};

use crate::{Actor, Services, audit, event};

/// Says that the end user must connect again, with event and audit row, in the caller's transaction. Gives whether that
/// is news: a connection that waits already, is paused or is going away says nothing twice.
///
/// # Errors
/// The query failed.
pub async fn needs_reauth(
    tx: &mut Tx<Scope>,
    services: &Services,
    id: ConnectionId,
    cause: ReauthCause,
    actor: Actor,
) -> Result<bool, StoreError> {
    let mut row = tx.connections().lock(id).await?;
    let Some(health) = row.health.lost(cause).ok().filter(|health| *health != row.health) else { return Ok(false) };
    row.turn(health, services.now());
    tx.connections().update(&row).await?;
    let data = json!({
        "connection_id": id,
        "integration_id": row.integration,
        "end_user_id": row.end_user.id,
        "cause": cause.as_str(),
    });
    event::emit(tx, services, EventKind::ConnectionNeedsReauth, Some(id), data).await?;
    tx.audit(audit::row(services, actor, "connection.needs_reauth", id, json!({ "cause": cause.as_str() }))).await?;
    Ok(true)
}

/// Takes back that a rotation was lost: its answer was stored after all. Does nothing to a connection that was not given
/// up for that.
///
/// # Errors
/// The query failed.
pub(crate) async fn found_again(tx: &mut Tx<Scope>, services: &Services, id: ConnectionId) -> Result<(), StoreError> {
    let mut row = tx.connections().lock(id).await?;
    if row.health != Health::NeedsReauth(ReauthCause::LostRotation) {
        return Ok(());
    }
    row.turn(Health::Active, services.now());
    tx.connections().update(&row).await?;
    let data = json!({
        "connection_id": id,
        "integration_id": row.integration,
        "end_user_id": row.end_user.id,
    });
    event::emit(tx, services, EventKind::ConnectionRecovered, Some(id), data).await?;
    tx.audit(audit::row(services, Actor::System, "connection.recovered", id, json!({ "by": "a late answer" }))).await
}
