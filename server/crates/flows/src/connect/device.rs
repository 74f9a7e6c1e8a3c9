//! Row 3 by a code that is typed in elsewhere (RFC 8628): the code is asked for, shown, and asked after by a job, of which
//! there is one per attempt in the whole cluster, until the end user has answered or the code is over.

use std::{collections::BTreeMap, time::Duration};

use auth::{Beginning, DeviceBegun, Failure as AuthFailure, Polled};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    connect::{Display, Failure, FailureCode, SessionState},
    secret::Secret,
};
use ids::{AttemptId, ConnectionId, IntegrationId, JobId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{AttemptRow, NewJob, StoreError};

use super::{
    attempt::{self, Attempt},
    enter::filled,
    establish::{Establish, Established, establish},
    grant::{tried, worded},
    launch::LaunchError,
    pending::Pending,
    session::scopes_of,
};
use crate::{
    Ctx, Services,
    credentials::{AccountError, SealError, account, outside},
    sha256,
};

/// The queue of the job that asks after a code.
pub const QUEUE: &str = "connect_device_poll";

/// What a job of the queue does.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct DevicePollJob {
    /// The attempt whose code it is.
    pub attempt: AttemptId,
}

/// A code to show.
#[derive(Debug)]
pub struct ShownCode {
    /// What the end user types in.
    pub user_code: String,
    /// Where.
    pub verification_url: url::Url,
    /// The same with the code in it.
    pub verification_url_complete: Option<url::Url>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Not answered yet; ask again after this.
    Wait(Duration),
    /// It is over, one way or the other.
    Over,
}

/// Asks the provider for a code.
///
/// # Errors
/// [`LaunchError`].
pub async fn show_code(
    services: &Services,
    token: &Secret,
    integration: IntegrationId,
    fields: BTreeMap<String, Secret>,
) -> Result<ShownCode, LaunchError> {
    let (ctx, filled) = filled(services, token, integration, fields).await?;
    let (session, integration) = (&filled.session, &filled.integration);
    let mut account = account(ctx, &filled.provider.manifest, integration, &filled.variables, &filled.fields).await?;
    account.scopes = scopes_of(session, integration);
    let beginning = account.begin(outside(services, None)).await;
    let Beginning::Device(begun) = beginning.map_err(|failure| worded("the provider gave no code", &failure))? else {
        return Err(LaunchError::Misconfigured("this provider is not connected by a code".into()));
    };
    let DeviceBegun { user_code, verification_url, verification_url_complete, interval, expires_at, kept } = begun;
    let id = services.mint.id(AttemptId::new);
    let attempt = Attempt { id, session, integration, display: Display::Device, variables: filled.variables.clone() };
    let now = services.now();
    // Nobody comes back with a state: the attempt is found by its job alone.
    let nobody = || sha256(services.random_token().as_bytes());
    let pending = Pending { kept, fields: filled.fields.clone() };
    let row = attempt.row(ctx, &pending, nobody(), (now, expires_at)).await?;
    let (payload, first) = (json!(DevicePollJob { attempt: id }), now + TimeDelta::seconds(interval.into()));
    let job = NewJob::about(id, services.mint.id(JobId::new), QUEUE, payload, first);
    let mut tx = services.store.begin(ctx.scope).await?;
    attempt::store(&mut tx, ctx, &row, &nobody()).await?;
    tx.jobs().enqueue(NewJob { priority: 0, ..job }, now).await?;
    tx.commit().await?;
    Ok(ShownCode { user_code, verification_url, verification_url_complete, expires_at })
}

/// Asks once whether the code was answered, and makes the connection if so.
///
/// # Errors
/// The database or the key service failed; asking again later is right.
pub async fn ask_after_code(ctx: Ctx<'_>, id: AttemptId) -> Result<Asked, SealError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let attempt = match tx.connect_attempts().pending(id).await {
        Err(StoreError::NotFound) => return Ok(Asked::Over),
        found => found?,
    };
    let session = tx.connect_sessions().find(attempt.session).await?;
    let integration = tx.integrations().find(attempt.integration).await?;
    let provider = services.providers.find(&mut tx, &integration.provider).await?;
    tx.commit().await?;
    if session.state != SessionState::Open {
        return over(ctx, &attempt, FailureCode::Expired, "the connect session is over".into()).await;
    }
    if services.now() >= attempt.expires_at {
        return over(ctx, &attempt, FailureCode::Expired, "nobody typed the code in".into()).await;
    }
    let Some(provider) = provider else {
        return over(ctx, &attempt, FailureCode::Misconfigured, "the provider is not installed".into()).await;
    };
    let pending = Pending::open(ctx, id, attempt.kept.as_ref()).await?;
    let account = account(ctx, &provider.manifest, &integration, &attempt.variables, &pending.fields).await;
    let mut account = match account {
        Ok(account) => account,
        Err(AccountError::Seal(error)) => return Err(error),
        Err(AccountError::Misconfigured(detail)) => {
            return over(ctx, &attempt, FailureCode::Misconfigured, detail).await;
        }
    };
    account.scopes = scopes_of(&session, &integration);
    let mut material = match account.poll(outside(services, None), &pending.kept).await {
        Ok(Polled::Wait(seconds)) => {
            keep_interval(ctx, &attempt, pending, seconds).await?;
            return Ok(Asked::Wait(Duration::from_secs(seconds.into())));
        }
        Ok(Polled::Granted(material)) => *material,
        // RFC 8628 §3.5: an unanswered poll is repeated, more slowly.
        Err(failure @ (AuthFailure::ProviderDown { .. } | AuthFailure::Throttled { .. })) => {
            return Ok(Asked::Wait(failure.retry_after().unwrap_or(Duration::from_secs(10))));
        }
        Err(AuthFailure::Expired) => {
            return over(ctx, &attempt, FailureCode::Expired, "nobody typed the code in".into()).await;
        }
        Err(AuthFailure::Revoked { code } | AuthFailure::Refused { code, .. }) if code == "access_denied" => {
            return over(ctx, &attempt, FailureCode::ConsentDenied, "the end user said no at the provider".into())
                .await;
        }
        Err(failure) => {
            let failure = worded("the code was not answered", &failure);
            return over(ctx, &attempt, failure.code, failure.detail).await;
        }
    };
    material.fields.extend(pending.fields);
    let mut tx = services.store.begin(ctx.scope).await?;
    tx.connect_attempts().consume(id).await?;
    tx.commit().await?;
    let target = session.reconnect.unwrap_or_else(|| services.mint.id(ConnectionId::new));
    let grant = match tried(ctx, &provider, &integration, target, &mut account, material).await {
        Ok(grant) => grant,
        Err(failure) => return fail(ctx, &attempt, failure).await,
    };
    match establish(ctx, Establish::of_session(&session, integration, grant, Some(id))).await? {
        Established::Connected { .. } => Ok(Asked::Over),
        Established::Failed(failure) => fail(ctx, &attempt, failure).await,
        Established::SessionOver => {
            let detail = "the connect session was withdrawn or has done its work".into();
            fail(ctx, &attempt, Failure::new(FailureCode::Expired, detail)).await
        }
    }
}

/// A provider that asks us to slow down means it for all later polls.
async fn keep_interval(
    ctx: Ctx<'_>,
    attempt: &AttemptRow,
    mut pending: Pending,
    seconds: u32,
) -> Result<(), SealError> {
    let before = pending.kept.clone();
    pending.kept = pending.kept.with_interval(seconds);
    if pending.kept == before {
        return Ok(());
    }
    let sealed = pending.seal(ctx, attempt.id).await?;
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    tx.connect_attempts().keep(attempt.id, &sealed).await?;
    Ok(tx.commit().await?)
}

/// Ends an attempt that is still pending.
async fn over(ctx: Ctx<'_>, attempt: &AttemptRow, code: FailureCode, detail: String) -> Result<Asked, SealError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    tx.connect_attempts().consume(attempt.id).await?;
    attempt::fail(&mut tx, ctx, attempt, &Failure::new(code, detail)).await?;
    tx.commit().await?;
    Ok(Asked::Over)
}

/// Ends one whose code was answered.
async fn fail(ctx: Ctx<'_>, attempt: &AttemptRow, failure: Failure) -> Result<Asked, SealError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    attempt::fail(&mut tx, ctx, attempt, &failure).await?;
    tx.commit().await?;
    Ok(Asked::Over)
}
