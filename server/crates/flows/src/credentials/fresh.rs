//! A fresh credential. Mostly from memory, without locks and without the database; when it is due, one caller refreshes
//! and the others get the token that still holds, or wait for the new one.

use std::{sync::Arc, time::Duration};

use auth::{Material, Secrets};
use chrono::{DateTime, TimeDelta, Utc};
use domain::connection::{Health, ReauthCause};
use ids::ConnectionId;
use store::StoreError;
use tokio::{sync::Notify, time::Instant};
use vault::KeyError;

use super::{
    ProviderAccess, SealError,
    cache::{Known, KnownCredential},
    flight::{Flight, Landing},
    known::{known, load},
    refresh::{Refreshed, refresh},
};
use crate::{Actor, Ctx, connection::needs_reauth};

/// A connection that can be called now.
#[derive(Clone)]
pub struct Fresh {
    /// How.
    pub access: Arc<ProviderAccess>,
    /// Which generation of the credential this is; 0 where there is none.
    pub generation: i64,
    /// The credential, without what it is refreshed with; empty where the provider needs none.
    pub material: Material,
    /// When the token ends, if the provider said so.
    pub expires_at: Option<DateTime<Utc>>,
    /// What was granted, if the provider said so.
    pub scopes: Option<Vec<String>>,
    /// The integration's secrets, where requests carry one of them.
    pub secrets: Secrets,
}

/// Why there is no fresh credential.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FreshError {
    /// No such connection in this environment.
    #[error("there is no such connection")]
    NotFound,
    /// The end user must connect again.
    #[error("{reason}")]
    NeedsReauth {
        /// Why.
        cause: ReauthCause,
        /// The same for a person.
        reason: &'static str,
    },
    /// It is paused, revoked, being made or being deleted.
    #[error("the connection is {state}: {reason}")]
    NotUsable {
        /// Its state.
        state: &'static str,
        /// The same for a person.
        reason: &'static str,
    },
    /// The integration or the provider's manifest has to be repaired first.
    #[error("{detail}")]
    Misconfigured {
        /// What to repair.
        detail: String,
    },
    /// The token has run out, and the provider gives no new one just now.
    #[error("the provider gives no new token just now: {detail}")]
    ProviderDown {
        /// When to ask again.
        retry_after: Duration,
        /// What it looks like.
        detail: String,
    },
    /// The key service is down, or what is stored does not open.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
    /// A defect of ours.
    #[error("{0}")]
    Internal(String),
}

impl From<StoreError> for FreshError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

impl From<SealError> for FreshError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Keys(error) => Self::Keys(error),
            SealError::Store(error) => Self::Store(error),
        }
    }
}

impl Fresh {
    /// What is added to a request on its way out; `None` where the provider needs nothing.
    ///
    /// # Errors
    /// The manifest's placement cannot be used.
    pub fn credential(&self) -> Result<Option<egress::Credential>, FreshError> {
        let manifest = &self.access.provider.manifest;
        match &self.material.tokens {
            // Nearly all providers, and nothing has to be put together for them.
            Some(tokens) if manifest.carries_bearer_token() => {
                Ok(Some(egress::Credential::bearer(&tokens.access_token)))
            }
            _ => {
                let mut secrets = self.secrets.clone();
                secrets.extend(self.material.fields.clone());
                let account = self.access.account(secrets);
                account
                    .credential(&self.material)
                    .map_err(|error| FreshError::Misconfigured { detail: error.to_string() })
            }
        }
    }

    /// Whether a provider that refuses it may be asked again with a newer one.
    #[must_use]
    pub const fn has_token(&self) -> bool {
        self.material.tokens.is_some()
    }
}

/// How long others wait for a refresh: longer than a slow token endpoint takes.
const PATIENCE: Duration = Duration::from_secs(50);
/// How often a refresh of another node is looked for, beside the notice of its end.
const POLL: Duration = Duration::from_secs(1);
/// A token that ends sooner is not handed out while a newer one is on its way.
const LAST_SECONDS: TimeDelta = TimeDelta::seconds(3);
/// A token younger than this that is refused is refused for another reason than its age: refreshing does not help.
const YOUNG: TimeDelta = TimeDelta::seconds(30);

/// How a connection's provider is called, whatever the connection's health.
///
/// # Errors
/// [`FreshError`], but never because of health.
pub async fn access(ctx: Ctx<'_>, id: ConnectionId) -> Result<Arc<ProviderAccess>, FreshError> {
    known(ctx, id).await?.access()
}

/// A credential that holds, refreshed if need be.
///
/// # Errors
/// [`FreshError`].
pub async fn fresh(ctx: Ctx<'_>, id: ConnectionId) -> Result<Fresh, FreshError> {
    let known = known(ctx, id).await?;
    usable(known.health)?;
    match &known.credential {
        Some(credential) if credential.is_due(ctx.services.now()) => renewed(ctx, id, known).await,
        _ => known.open(ctx, id).await,
    }
}

/// The credential as it lies there, not refreshed, whatever the connection's health: for the last calls for one that works no
/// longer.
///
/// # Errors
/// [`FreshError`], but never because of health.
pub(crate) async fn as_it_is(ctx: Ctx<'_>, id: ConnectionId) -> Result<Fresh, FreshError> {
    let known = load(ctx, id).await?;
    known.open(ctx, id).await
}

/// A credential after the provider refused the one of that generation: the next one, or the end of the connection. Once
/// per generation, whoever asks.
///
/// # Errors
/// [`FreshError`].
pub async fn fresh_after_rejection(ctx: Ctx<'_>, id: ConnectionId, generation: i64) -> Result<Fresh, FreshError> {
    let known = load(ctx, id).await?;
    usable(known.health)?;
    let now = ctx.services.now();
    match &known.credential {
        Some(credential) if credential.generation == generation && credential.updated_at + YOUNG < now => {
            let mut tx = ctx.services.store.begin(ctx.scope).await?;
            if !credential.refreshable {
                let cause = ReauthCause::Revoked;
                needs_reauth(&mut tx, ctx.services, id, cause, Actor::System).await?;
                tx.commit().await?;
                ctx.services.connections.forget(id);
                return Err(FreshError::NeedsReauth { cause, reason: cause.reason() });
            }
            tx.credentials().expire(id, generation, now).await?;
            tx.commit().await?;
            ctx.services.connections.forget(id);
            fresh(ctx, id).await
        }
        _ => fresh(ctx, id).await,
    }
}

/// The slow path: the credential is due.
async fn renewed(ctx: Ctx<'_>, id: ConnectionId, known: Arc<Known>) -> Result<Fresh, FreshError> {
    let now = ctx.services.now();
    let Some(credential) = &known.credential else { return known.open(ctx, id).await };
    let holds = credential.expires_at.is_none_or(|at| at > now + LAST_SECONDS);
    let waits = credential.refresh_not_before.is_some_and(|at| at > now);
    if holds && (waits || !credential.refreshable) {
        return known.open(ctx, id).await;
    }
    let flight = flight(ctx, id, None);
    if holds {
        return known.open(ctx, id).await;
    }
    match tokio::time::timeout(PATIENCE, flight).await {
        Ok(landed) => landed?.open(ctx, id).await,
        Err(_) => Err(still_refreshing()),
    }
}

/// The refresh of a connection that is under way in this process, or begins now: of a credential that is due, or of that
/// generation even if it is not.
pub(super) fn flight(ctx: Ctx<'_>, id: ConnectionId, generation: Option<i64>) -> Flight {
    ctx.services.connections.flights().join(id, |changed| {
        let (services, scope) = (ctx.services.clone(), ctx.scope);
        async move { fly(services.ctx(scope, Actor::System), id, generation, &changed).await }
    })
}

/// Refreshes until the credential is not due any more, by this node or by another.
async fn fly(ctx: Ctx<'_>, id: ConnectionId, generation: Option<i64>, changed: &Notify) -> Landing {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let known = load(ctx, id).await?;
        usable(known.health)?;
        let now = ctx.services.now();
        let is_wanted =
            |credential: &&KnownCredential| credential.is_due(now) || generation == Some(credential.generation);
        let Some(credential) = known.credential.as_ref().filter(is_wanted) else { return Ok(known) };
        if let Some(not_before) = credential.refresh_not_before.filter(|at| *at > now) {
            let retry_after = (not_before - now).to_std().unwrap_or_default();
            let detail = "the last try failed, and the next one is not due yet".into();
            return Err(FreshError::ProviderDown { retry_after, detail });
        }
        let refreshed = refresh(ctx, id, credential.generation).await;
        ctx.services.connections.forget(id);
        match refreshed? {
            Refreshed::Done => {}
            Refreshed::Failed(error) => return Err(error),
            Refreshed::Held if Instant::now() >= give_up => return Err(still_refreshing()),
            Refreshed::Held => {
                let _ = tokio::time::timeout(POLL, changed.notified()).await;
            }
        }
    }
}

fn still_refreshing() -> FreshError {
    let detail = "a refresh has been under way for a long time".into();
    FreshError::ProviderDown { retry_after: Duration::from_secs(1), detail }
}

pub(super) fn usable(health: Health) -> Result<(), FreshError> {
    match health {
        Health::Active => Ok(()),
        Health::NeedsReauth(cause) => Err(FreshError::NeedsReauth { cause, reason: cause.reason() }),
        other => Err(FreshError::NotUsable { state: other.as_str(), reason: other.reason() }),
    }
}
