//! `after_connect`: what a plugin sets up at its provider for a connection that is there, such as registering the
//! connection's own address for webhooks. A job does it; neither the end user nor the first syncs wait for it.
//!
//! It is called when a connection was made, when it was repaired and when it got an address for webhooks, and once more if
//! a worker died over it. So it may come again for the same connection, and a plugin has to be content with what it finds
//! done.

use std::{sync::Arc, time::Duration};

use domain::{
    Scope,
    connection::{Health, ReauthCause},
};
use ids::{ConnectionId, JobId};
use plugin_host::{Blame, PluginError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Calls, NewJob, StoreError, Tx};

use super::aside::{knows, note, note_in, session};
use crate::{
    Actor, Ctx, Services, connection,
    credentials::{self, FreshError},
    inbound::HookError,
    sync::plugin_http::{PluginHttp, TokenSource},
};

/// The queue of these calls.
pub const QUEUE: &str = "plugin_after_connect";

const GONE: &str = "the connection is gone";

/// The audit row's action, where a call is given up.
const FAILED: &str = "connection.after_connect_failed";

/// What a job of the queue does.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct AfterConnectJob {
    /// The connection that the plugin is called for.
    pub connection: ConnectionId,
}

/// What came of a call.
#[derive(Debug)]
pub enum AfterConnected {
    /// The plugin has done it.
    Done,
    /// There was nothing to do, for this reason.
    Nothing(&'static str),
    /// It is called once the connection goes on.
    Paused,
    /// It did not work and would not the next time; noted in the audit log, in these words.
    Refused(String),
    /// It may be better later.
    Later {
        /// Not before this much later, if somebody said so.
        after: Option<Duration>,
        /// Why.
        reason: String,
    },
}

/// Has the plugin called soon, in the caller's transaction.
///
/// # Errors
/// A query failed.
pub(crate) async fn enqueue(
    tx: &mut Tx<Scope>,
    services: &Services,
    connection: ConnectionId,
) -> Result<(), StoreError> {
    let now = services.now();
    let payload = json!(AfterConnectJob { connection });
    let job = NewJob::about(connection, services.mint.id(JobId::new), QUEUE, payload, now);
    if !tx.jobs().enqueue(NewJob { calls: Calls::Connection(connection), ..job }, now).await? {
        tx.jobs().hasten(QUEUE, &connection.to_string(), now).await?;
    }
    Ok(())
}

/// Calls the plugin of a connection that is there.
///
/// # Errors
/// A query failed; try again.
pub async fn after_connect(
    services: &Services,
    scope: Scope,
    job: AfterConnectJob,
) -> Result<AfterConnected, StoreError> {
    let id = job.connection;
    let ctx = services.ctx(scope, Actor::System);
    let access = match credentials::access(ctx, id).await {
        Ok(access) => access,
        Err(FreshError::Store(error)) => return Err(error),
        Err(FreshError::NotFound) => return Ok(AfterConnected::Nothing(GONE)),
        Err(error) => return Ok(AfterConnected::Later { after: None, reason: error.to_string() }),
    };
    let Some(plugin) = &access.provider.plugin else {
        return Ok(AfterConnected::Nothing("the provider has no plugin any more"));
    };
    if let Some(obstacle) = health(ctx, id).await?.and_then(obstacle) {
        return Ok(obstacle);
    }
    let connection = match knows(ctx, &access).await {
        Ok(connection) => connection,
        Err(HookError::NotFound(_)) => return Ok(AfterConnected::Nothing(GONE)),
        Err(HookError::Store(error)) => return Err(error),
        Err(error) => return Ok(AfterConnected::Later { after: None, reason: error.to_string() }),
    };
    let source = TokenSource::Stored { scope, connection: id };
    let http = PluginHttp::new(services.clone(), source).by(Arc::clone(&access));
    let called = match session(services, plugin, http).await {
        Ok(mut session) => session.after_connect(&connection).await,
        Err(error) => Err(error),
    };
    match called {
        Ok(()) => Ok(AfterConnected::Done),
        Err(error) => refused(ctx, id, &error).await,
    }
}

/// Notes that a call is given up after many tries.
///
/// # Errors
/// A query failed.
pub async fn give_up(services: &Services, scope: Scope, job: AfterConnectJob, reason: &str) -> Result<(), StoreError> {
    note(services.ctx(scope, Actor::System), FAILED, job.connection, reason).await
}

/// How the connection is now; `None` if it is gone meanwhile.
async fn health(ctx: Ctx<'_>, id: ConnectionId) -> Result<Option<Health>, StoreError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let health = match tx.connections().context(id).await {
        Ok(context) => Some(context.connection.health),
        Err(StoreError::NotFound) => None,
        Err(error) => return Err(error),
    };
    tx.commit().await?;
    Ok(health)
}

/// Why the plugin of a connection that is so is not called now.
const fn obstacle(health: Health) -> Option<AfterConnected> {
    match health {
        Health::Active => None,
        Health::Paused => Some(AfterConnected::Paused),
        // Whoever repairs it has the plugin called again.
        Health::NeedsReauth(_) => Some(AfterConnected::Nothing("the end user must connect again first")),
        Health::Pending | Health::Revoked | Health::Deleting => Some(AfterConnected::Nothing("it is not in use")),
    }
}

/// Who is to blame decides what happens next, as it does for a sync's run.
async fn refused(ctx: Ctx<'_>, id: ConnectionId, error: &PluginError) -> Result<AfterConnected, StoreError> {
    let reason = error.to_string();
    let blame = error.blame();
    let after = if let PluginError::Failure(failure) = error { failure.retry_after } else { None };
    // Nobody can tell whether the plugin or the provider was so slow.
    let is_late = matches!(error, PluginError::TimedOut { .. });
    if is_late || matches!(blame, Blame::Provider | Blame::Us) {
        return Ok(AfterConnected::Later { after, reason });
    }
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    if blame == Blame::EndUser {
        connection::needs_reauth(&mut tx, services, id, ReauthCause::Revoked, Actor::System).await?;
    }
    note_in(&mut tx, ctx, FAILED, id, &reason).await?;
    tx.commit().await?;
    services.connections.forget(id);
    Ok(AfterConnected::Refused(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_3_a_connection_that_cannot_be_called_is_waited_for_only_if_it_goes_on_by_itself() {
        assert!(obstacle(Health::Active).is_none());
        assert!(matches!(obstacle(Health::Paused), Some(AfterConnected::Paused)));
        for over in [Health::NeedsReauth(ReauthCause::Expired), Health::Revoked, Health::Deleting] {
            assert!(matches!(obstacle(over), Some(AfterConnected::Nothing(_))), "{over:?}");
        }
    }
}
