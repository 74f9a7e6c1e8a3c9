//! `before_delete`: what a plugin tidies up at its provider while the credential of a connection that is being deleted still
//! works. Nothing that goes wrong here holds the deletion up.
//!
//! It is called once, and again only if the deletion broke off before the provider was asked to let go of the grant. So
//! a plugin has to be content with finding nothing left to tidy up.

use std::time::Duration;

use domain::manifest::AuthSpec;
use ids::ConnectionId;
use store::ConnectionContext;

use super::aside::{knows, note, session};
use crate::{
    Ctx, credentials,
    sync::plugin_http::{PluginHttp, TokenSource},
};

/// Longest wait for the plugin. Whoever deletes waits for it, and the job that takes over deletions that broke off begins
/// later than this and the revocation together can take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Calls the plugin, if the provider has one. What went wrong is logged and noted in the audit log.
pub(crate) async fn before_delete(ctx: Ctx<'_>, id: ConnectionId, context: &ConnectionContext) {
    let why = match tokio::time::timeout(PATIENCE, tidy_up(ctx, id, context)).await {
        Ok(Ok(())) => return,
        Ok(Err(why)) => why,
        Err(_) => format!("the plugin was not done after {} s", PATIENCE.as_secs()),
    };
    tracing::warn!(connection.id = %id, why, "a plugin did not tidy up; the deletion goes on");
    if let Err(error) = note(ctx, "connection.before_delete_failed", id, &why).await {
        tracing::warn!(connection.id = %id, %error, "that is not noted in the audit log");
    }
}

async fn tidy_up(ctx: Ctx<'_>, id: ConnectionId, context: &ConnectionContext) -> Result<(), String> {
    let services = ctx.services;
    let provider = services.provider(ctx.scope, &context.integration.provider).await;
    let provider = provider.map_err(|error| error.to_string())?.filter(|provider| provider.plugin.is_some());
    let Some(provider) = provider else { return Ok(()) };
    // Nobody can do anything at the provider without one.
    if context.credential.is_none() && !matches!(&provider.manifest.auth, AuthSpec::None) {
        return Ok(());
    }
    // Not refreshed: the connection was stopped so that no new token comes about. One that has run out is refused to whoever
    // needs it.
    let fresh = credentials::as_it_is(ctx, id).await.map_err(|error| error.to_string())?;
    let Some(plugin) = &fresh.access.provider.plugin else { return Ok(()) };
    let connection = knows(ctx, &fresh.access).await.map_err(|error| error.to_string())?;
    let http = PluginHttp::new(services.clone(), TokenSource::Given(Box::new(fresh.clone())));
    let mut session = session(services, plugin, http).await.map_err(|error| error.to_string())?;
    session.before_delete(&connection).await.map_err(|error| error.to_string())
}
