//! Row 2: the connect page asks what it shall show.

use std::sync::Arc;

use domain::{connect::SessionStatus, manifest::Variables, secret::Secret};
use store::{ConnectSessionRow, IntegrationRow};

use super::session::{SessionError, by_token, status_of};
use crate::{Provider, Services};

/// The most integrations that a page offers.
const MOST_CHOICES: i64 = 2_000;

/// What the connect page shows.
pub struct Description {
    /// The session.
    pub session: ConnectSessionRow,
    /// Where it stands.
    pub status: SessionStatus,
    /// Who asks.
    pub tenant_name: String,
    /// What may be picked.
    pub choices: Vec<Choice>,
}

/// An integration that may be picked.
pub struct Choice {
    /// The integration.
    pub integration: IntegrationRow,
    /// Its provider.
    pub provider: Arc<Provider>,
    /// What is known of the end user's values already: those of the connection being repaired.
    pub known: Variables,
    /// What the vendor told of an install at its marketplace: not asked for.
    pub told: Variables,
}

/// Describes the session of a token.
///
/// # Errors
/// [`SessionError`].
pub async fn describe(services: &Services, token: &Secret) -> Result<Description, SessionError> {
    let (scope, session) = by_token(services, token).await?;
    let mut tx = services.store.begin(scope).await?;
    let rows = tx.integrations().choices(session.integrations.as_deref(), MOST_CHOICES).await?;
    let known = match session.reconnect {
        Some(id) => tx.connections().context(id).await?.connection.variables,
        None => Variables::new(),
    };
    let told = tx.installs().of_session(session.id).await?.map(|install| install.variables).unwrap_or_default();
    let own = services.providers.of_environment(&mut tx).await?;
    let latest = tx.connect_attempts().latest(session.id).await?;
    tx.commit().await?;
    let mut tx = services.store.begin_tenant(scope.tenant).await?;
    let tenant_name = tx.tenant().await?.name;
    tx.commit().await?;
    let now = services.now();
    let under_way = latest.is_some_and(|attempt| attempt.state.at(attempt.expires_at, now).0);
    let choices = rows.into_iter().filter_map(|integration| {
        // One whose provider was taken off this server cannot be connected.
        let provider = services.providers.among(&own, &integration.provider)?;
        Some(Choice { integration, provider, known: known.clone(), told: told.clone() })
    });
    Ok(Description { status: status_of(&session, under_way, now)?, choices: choices.collect(), session, tenant_name })
}
