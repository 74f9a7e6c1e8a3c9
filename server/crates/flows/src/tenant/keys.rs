//! API keys: made, listed, revoked.

use chrono::{DateTime, Utc};
use domain::{
    Scope, api_key,
    permission::{Permissions, UnknownPermission},
    secret::Secret,
};
use ids::{ApiKeyId, AuditId};
use store::{ApiKeyRow, NewAudit, StoreError};

use super::names;
use crate::{Actor, Ctx};

/// Why a key was not made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A field is not what it must be.
    #[error("{0}: {1}")]
    Field(&'static str, String),
    /// The environment does not exist.
    #[error("no such environment")]
    NoEnvironment,
    /// The key would be able to do more than who makes it.
    #[error("a key can't be given scopes that its maker lacks")]
    Escalation,
    /// Anything of ours.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for KeyError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { .. } => Self::NoEnvironment,
            other => Self::Store(other),
        }
    }
}

impl From<UnknownPermission> for KeyError {
    fn from(error: UnknownPermission) -> Self {
        Self::Field("scopes", error.to_string())
    }
}

/// What a key is to be.
pub struct NewKey {
    /// What to call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Makes a key in the context's environment. The secret is given back this once; only its hash is stored. `maker` is what
/// the maker may do: nobody gives away more than they have.
///
/// # Errors
/// [`KeyError`].
pub async fn create(ctx: Ctx<'_>, input: NewKey, maker: Permissions) -> Result<(ApiKeyRow, Secret), KeyError> {
    let Scope { tenant, environment } = ctx.scope;
    names::name(&input.name).map_err(|(field, rule)| KeyError::Field(field, rule))?;
    if input.scopes.is_empty() {
        return Err(KeyError::Field("scopes", "must name at least one scope, or `*`".into()));
    }
    if !maker.contain(Permissions::parse(&input.scopes)?) {
        return Err(KeyError::Escalation);
    }
    let now = ctx.services.now();
    if input.expires_at.is_some_and(|at| at <= now) {
        return Err(KeyError::Field("expires_at", "must be in the future".into()));
    }
    let secret = api_key::generate(ctx.services.entropy.as_ref());
    let row = ApiKeyRow {
        api_key_id: ctx.services.mint.id(ApiKeyId::new),
        tenant_id: tenant,
        environment_id: environment,
        name: input.name.trim().to_owned(),
        hint: api_key::hint(&secret),
        secret_hash: crate::sha256(secret.expose().as_bytes()),
        scopes: input.scopes,
        created_at: now,
        expires_at: input.expires_at,
        revoked_at: None,
    };
    if ctx.actor == Actor::Operator {
        // Nobody has checked yet that the environment is this tenant's.
        let mut tx = ctx.services.store.begin_tenant(tenant).await?;
        let known = tx.environments().await?.iter().any(|row| row.environment_id == environment);
        tx.commit().await?;
        if !known {
            return Err(KeyError::NoEnvironment);
        }
    }
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    tx.api_keys().insert(&row).await?;
    tx.audit(NewAudit {
        id: ctx.services.mint.id(AuditId::new),
        actor: ctx.actor.to_string(),
        action: "api_key.created",
        subject: row.api_key_id.to_string(),
        detail: serde_json::json!({ "hint": row.hint, "scopes": row.scopes }),
        at: now,
    })
    .await?;
    tx.commit().await?;
    Ok((row, secret))
}

/// Keys of the environment, one more than `limit` if there are more.
///
/// # Errors
/// [`KeyError::Store`].
pub async fn list(ctx: Ctx<'_>, after: Option<ApiKeyId>, limit: u32) -> Result<Vec<ApiKeyRow>, KeyError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let rows = tx.api_keys().list(after, i64::from(limit) + 1).await?;
    tx.commit().await?;
    Ok(rows)
}

/// Revokes a key.
///
/// # Errors
/// [`KeyError::Store`] with [`StoreError::NotFound`] if there is no such key here.
pub async fn revoke(ctx: Ctx<'_>, id: ApiKeyId) -> Result<(), KeyError> {
    let now = ctx.services.now();
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    tx.api_keys().revoke(id, now).await?;
    tx.audit(NewAudit {
        id: ctx.services.mint.id(AuditId::new),
        actor: ctx.actor.to_string(),
        action: "api_key.revoked",
        subject: id.to_string(),
        detail: serde_json::json!({}),
        at: now,
    })
    .await?;
    tx.commit().await?;
    Ok(())
}
