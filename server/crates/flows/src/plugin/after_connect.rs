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

use super::aside::{knows, note, session};
use crate::{
    Actor, Ctx, Services, audit, connection,
    credentials::{self, FreshError},
    inbound::HookError,
    sync::plugin_http::{PluginHttp, TokenSource},
};

/// The queue of these calls.
pub const QUEUE: &str = "plugin_after_connect";

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
    let access = match credentials::fresh(ctx, id).await {
        Ok(fresh) => Arc::clone(&fresh.access),
        Err(error) => return without_credential(error),
    };
    let Some(plugin) = &access.provider.plugin else {
        return Ok(AfterConnected::Nothing("the provider has no plugin any more"));
    };
    let connection = match knows(ctx, &access).await {
        Ok(connection) => connection,
        Err(HookError::NotFound(_)) => return Ok(AfterConnected::Nothing("the connection is gone")),
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

fn without_credential(error: FreshError) -> Result<AfterConnected, StoreError> {
    let reason = error.to_string();
    Ok(match error {
        FreshError::Store(error) => return Err(error),
        FreshError::NotFound => AfterConnected::Nothing("the connection is gone"),
        // Whoever repairs it has the plugin called again.
        FreshError::NeedsReauth { .. } => AfterConnected::Nothing("the end user must connect again first"),
        FreshError::NotUsable { state, .. } if state == Health::Paused.as_str() => AfterConnected::Paused,
        FreshError::NotUsable { .. } => AfterConnected::Nothing("the connection is at its end"),
        FreshError::ProviderDown { retry_after, .. } => AfterConnected::Later { after: Some(retry_after), reason },
        FreshError::Misconfigured { .. } | FreshError::Keys(_) | FreshError::Internal(_) => {
            AfterConnected::Later { after: None, reason }
        }
    })
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
    tx.audit(audit::row(services, ctx.actor, FAILED, id, json!({ "reason": reason }))).await?;
    tx.commit().await?;
    services.connections.forget(id);
    Ok(AfterConnected::Refused(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_3_a_connection_that_cannot_be_called_is_waited_for_only_if_it_goes_on_by_itself() {
        let unusable = |health: Health| {
            without_credential(FreshError::NotUsable { state: health.as_str(), reason: health.reason() })
        };
        assert!(matches!(unusable(Health::Paused), Ok(AfterConnected::Paused)));
        assert!(matches!(unusable(Health::Deleting), Ok(AfterConnected::Nothing(_))));
        assert!(matches!(unusable(Health::Revoked), Ok(AfterConnected::Nothing(_))));
        let cause = ReauthCause::Expired;
        let lost = without_credential(FreshError::NeedsReauth { cause, reason: cause.reason() });
        assert!(matches!(lost, Ok(AfterConnected::Nothing(_))));
        let minute = Duration::from_secs(60);
        let down = without_credential(FreshError::ProviderDown { retry_after: minute, detail: "d".into() });
        assert!(matches!(down, Ok(AfterConnected::Later { after: Some(after), .. }) if after == minute));
    }
}
