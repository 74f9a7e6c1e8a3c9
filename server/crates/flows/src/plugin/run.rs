//! The version that a run works with: the one that it began with, to its end.

use std::sync::Arc;

use domain::Scope;
use ids::{ConnectionId, PluginVersionId};
use store::StoreError;

use crate::{Actor, Services, credentials, credentials::ProviderAccess};

/// How the provider of a run's connection is called. `current` is how it is called by what is in force now; a run that
/// `began` with another version, before that was pinned, goes on with its own, also when a worker died over it. What is kept in
/// memory of the connection may be older than the run by a moment; what the run's row says is not.
///
/// # Errors
/// The query failed.
pub(crate) async fn access_of_run(
    services: &Services,
    scope: Scope,
    began: Option<PluginVersionId>,
    connection: ConnectionId,
    current: Arc<ProviderAccess>,
) -> Result<Arc<ProviderAccess>, StoreError> {
    if began == current.provider.version.as_ref().map(|version| version.id) {
        return Ok(current);
    }
    let mut tx = services.store.begin(scope).await?;
    let context = tx.connections().context(connection).await?;
    let provider = match began {
        Some(id) => services.providers.pushed(scope, &tx.plugin_versions().by_id(id).await?),
        None => services.providers.unpinned(&mut tx, &context.integration.provider).await?,
    };
    tx.commit().await?;
    let Some(provider) = provider else { return Ok(current) };
    // What the earlier manifest needs may be gone from the integration: then what is in force now has to do.
    Ok(credentials::access_of(services.ctx(scope, Actor::System), Some(provider), context).map_or(current, Arc::new))
}
