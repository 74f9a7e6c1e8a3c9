//! How records of a stream are kept, as the tenant wants it.

use serde_json::json;
use store::{RecordPolicy, StoreError};

use crate::{Ctx, audit, integration::find};

/// The longest that can be asked for, in days.
const MOST_DAYS: u16 = 3650;

/// Why a policy was not read or set.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// No such integration here, or its provider has no such stream.
    #[error("there is no such integration, or its provider has no such stream")]
    NotFound,
    /// A field is not what it must be.
    #[error("{0}: {1}")]
    Field(&'static str, String),
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for PolicyError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

/// How records of a stream are kept, for all connections of an integration.
///
/// # Errors
/// [`PolicyError`].
pub async fn get(ctx: Ctx<'_>, integration: &str, stream: &str) -> Result<RecordPolicy, PolicyError> {
    let mut tx = ctx.services.store.begin(ctx.scope).await?;
    let integration = find(&mut tx, integration).await?;
    let provider = ctx.services.providers.find(&mut tx, &integration.provider).await?;
    if provider.is_none_or(|provider| provider.manifest.stream(stream).is_none()) {
        return Err(PolicyError::NotFound);
    }
    let policy = tx.record_policies().find(integration.id, stream).await?;
    tx.commit().await?;
    Ok(policy)
}

/// Sets how records of a stream are kept. What lies there already is brought in line by and by, without a change that readers
/// of the feed would see.
///
/// # Errors
/// [`PolicyError`].
pub async fn set(
    ctx: Ctx<'_>,
    integration: &str,
    stream: &str,
    policy: RecordPolicy,
) -> Result<RecordPolicy, PolicyError> {
    let services = ctx.services;
    let days = [("keep_deleted_days", policy.keep_deleted_days), ("keep_content_days", policy.keep_content_days)];
    for (field, days) in days {
        if days.is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
            return Err(PolicyError::Field(field, format!("must be 1 to {MOST_DAYS}, or null to keep all")));
        }
    }
    let mut tx = services.store.begin(ctx.scope).await?;
    let integration = find(&mut tx, integration).await?;
    let provider = services.providers.find(&mut tx, &integration.provider).await?;
    if provider.is_none_or(|provider| provider.manifest.stream(stream).is_none()) {
        return Err(PolicyError::NotFound);
    }
    tx.record_policies().set(integration.id, stream, policy, services.now()).await?;
    let detail = json!({
        "stream": stream, "keep_deleted_days": policy.keep_deleted_days, "keep_content_days": policy.keep_content_days,
        "sealed": policy.is_sealed,
    });
    tx.audit(audit::row(services, ctx.actor, "records.policy_set", integration.id, detail)).await?;
    tx.commit().await?;
    Ok(policy)
}
