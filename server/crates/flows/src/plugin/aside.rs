//! Calls into a plugin that belong to no run: nobody keeps what it logs, and what went wrong is noted in the audit log.

use std::sync::Arc;

use domain::Scope;
use ids::ConnectionId;
use plugin_host::{Capabilities, Connection, LogBuffer, PluginError, PluginLimits, PluginSession};
use serde_json::json;
use store::{StoreError, Tx};

use super::ProviderPlugin;
use crate::{
    Ctx, Services, audit,
    credentials::ProviderAccess,
    inbound::{self, HookError, Owner},
    sync::plugin_http::PluginHttp,
};

/// An instance that calls its provider that way.
///
/// # Errors
/// As [`ProviderPlugin::session`] says.
pub(crate) async fn session(
    services: &Services,
    plugin: &ProviderPlugin,
    http: PluginHttp,
) -> Result<PluginSession, PluginError> {
    let capabilities = Capabilities {
        http: Box::new(http),
        // There is no run whose log this could be.
        log: Box::new(LogBuffer::default()),
        clock: Arc::clone(&services.clock),
        entropy: Arc::clone(&services.entropy),
    };
    plugin.session(capabilities, PluginLimits::default()).await
}

/// What a plugin knows of a connection when it sets up or tidies up at the provider: its own address for webhooks too, if
/// it has one.
///
/// # Errors
/// The address could not be read, or the connection is gone.
pub(super) async fn knows(ctx: Ctx<'_>, access: &ProviderAccess) -> Result<Connection, HookError> {
    let webhook_url = match inbound::find(ctx, Owner::Connection(access.connection)).await {
        Ok(hook) => Some(String::from(hook.url)),
        Err(HookError::None) => None,
        Err(error) => return Err(error),
    };
    Ok(Connection { webhook_url, ..access.plugin_connection() })
}

/// Notes where the tenant reads it what came of a call that did not succeed.
///
/// # Errors
/// The insert failed.
pub(super) async fn note(
    ctx: Ctx<'_>,
    action: &'static str,
    connection: ConnectionId,
    reason: &str,
) -> Result<(), StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    note_in(&mut tx, ctx, action, connection, reason).await?;
    tx.commit().await
}

/// The same in the caller's transaction.
///
/// # Errors
/// The insert failed.
pub(super) async fn note_in(
    tx: &mut Tx<Scope>,
    ctx: Ctx<'_>,
    action: &'static str,
    connection: ConnectionId,
    reason: &str,
) -> Result<(), StoreError> {
    tx.audit(audit::row(ctx.services, ctx.actor, action, connection, json!({ "reason": reason }))).await
}
