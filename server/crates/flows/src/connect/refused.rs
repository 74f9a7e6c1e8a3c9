//! A callback that belongs to no attempt that may be completed: told apart, audited, and without any other effect.

use domain::{connect::AttemptState, secret::Secret};
use ids::IntegrationId;
use serde_json::json;
use store::{Presented, StoreError};

use super::complete::{Completion, Screen};
use crate::{Actor, Services, audit, sha256};

/// Says why a callback was refused.
pub(super) async fn refused(services: &Services, presented: Presented<'_>) -> Result<Completion, StoreError> {
    let mut tx = services.store.begin_system().await?;
    let Some((scope, attempt)) = tx.attempt_by_state(presented.state_hash).await? else {
        tx.commit().await?;
        note_unknown(services, presented.integration, "the state is not known").await?;
        return Ok(Completion::of(Screen::StateUnknown));
    };
    tx.commit().await?;
    let now = services.now();
    let (screen, reason) = if attempt.integration != presented.integration {
        (Screen::StateUnknown, "the state belongs to another integration")
    } else if attempt.state != AttemptState::Pending {
        (Screen::StateReplayed, "the attempt was used before")
    } else if attempt.expires_at <= now {
        (Screen::AttemptExpired, "the attempt took longer than it may")
    } else if attempt.browser_hash != presented.browser_hash {
        (Screen::WrongBrowser, "another browser began the attempt")
    } else {
        // Taken by another callback between the two looks.
        (Screen::StateReplayed, "the attempt was used before")
    };
    let mut tx = services.store.begin(scope).await?;
    let detail = json!({ "attempt": attempt.id, "reason": reason });
    let actor = Actor::EndUser(attempt.session);
    tx.audit(audit::row(services, actor, "connect.callback_refused", attempt.session, detail)).await?;
    tx.commit().await?;
    Ok(Completion::of(screen))
}

/// Audits a callback that names no attempt, where the integration in its path tells whose log it belongs to.
pub(super) async fn note_unknown(
    services: &Services,
    integration: IntegrationId,
    reason: &str,
) -> Result<(), StoreError> {
    let mut tx = services.store.begin_system().await?;
    let scope = match tx.scope_of_integration(integration).await {
        Ok(scope) => scope,
        Err(StoreError::NotFound) => return Ok(()),
        Err(error) => return Err(error),
    };
    let row = audit::row(services, Actor::System, "connect.callback_refused", integration, json!({ "reason": reason }));
    tx.audit(scope.tenant, Some(scope.environment), row).await?;
    tx.commit().await
}

/// SHA-256 of the cookie's value; of nothing where there is no cookie, which no attempt has.
pub(super) fn browser_hash(cookie: Option<&Secret>) -> Vec<u8> {
    sha256(cookie.map_or("", Secret::expose).as_bytes())
}
