//! Retiring old versions of a tenant's key.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Scope;
use ids::TenantId;
use serde_json::json;
use store::StoreError;
use vault::{KeyError, KeyGovernance};

use super::status::{EnvironmentKeys, of_environment};
use crate::{Actor, Services, audit, tenant::list};

/// Servers may still hold what they read of data keys before: for a few seconds, this is generous.
const SETTLE: TimeDelta = TimeDelta::seconds(30);
/// A data key under which nothing lies is removed when it has sealed nothing new for so long that no server can be about to
/// store something sealed with it.
const UNUSED: TimeDelta = TimeDelta::hours(1);

/// Why nothing was retired.
#[derive(Debug, thiserror::Error)]
pub enum RetireError {
    /// Something still lies under an older version.
    #[error("something still lies under an older version")]
    Left(Vec<Left>),
    /// Data keys were changed a moment ago, and a server may still hold what it read before. Wait so long.
    #[error("servers may still hold data keys as they were a moment ago; try again in {} s", .0.as_secs() + 1)]
    Settling(Duration),
    /// The key service.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is left in an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The environment's slug.
    pub environment: String,
    /// Values under data keys that were first wrapped with an older version, by table.
    pub values: Vec<(&'static str, u64)>,
    /// Data keys that an older version wraps.
    pub data_keys: usize,
    /// Values that name no data key of the environment.
    pub stray: u64,
}

/// What was retired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retired {
    /// The oldest version that opens anything from now on.
    pub minimum: u32,
    /// Data keys that were removed because nothing lies under them.
    pub removed: usize,
}

/// Refuses all versions of the tenant's key but the newest from now on, if nothing lies under older ones. What an older
/// backup of the database holds can no longer be opened then.
///
/// # Errors
/// [`RetireError`]; nothing was changed.
pub async fn retire(
    services: &Services,
    governance: &dyn KeyGovernance,
    tenant: TenantId,
    actor: Actor,
) -> Result<Retired, RetireError> {
    let latest = governance.versions(tenant).await?.latest;
    let (_, environments) = list::tenant(services, tenant).await?;
    let mut found = Vec::new();
    for environment in environments {
        found.push(of_environment(services, environment).await?);
    }
    let left: Vec<Left> = found.iter().filter_map(|keys| left_in(keys, latest)).collect();
    if !left.is_empty() {
        return Err(RetireError::Left(left));
    }
    let now = services.now();
    if let Some(wait) = found.iter().filter_map(changed_at).max().and_then(|at| settling(at, now)) {
        return Err(RetireError::Settling(wait));
    }
    governance.retire_versions(tenant, latest).await?;
    let mut removed = 0;
    for keys in &found {
        removed += remove_unused(services, keys, now).await?;
    }
    let mut tx = services.store.begin_tenant(tenant).await?;
    let detail = json!({ "minimum_version": latest, "data_keys_removed": removed });
    tx.audit(audit::row(services, actor, "keys.retired", tenant, detail)).await?;
    tx.commit().await?;
    Ok(Retired { minimum: latest, removed })
}

fn left_in(found: &EnvironmentKeys, latest: u32) -> Option<Left> {
    let mut left = Left {
        environment: found.environment.slug.clone(),
        values: Vec::new(),
        data_keys: 0,
        stray: found.stray.iter().map(|(_, values)| values).sum(),
    };
    for key in &found.keys {
        if key.born() < latest {
            for (column, values) in &key.values {
                match left.values.iter_mut().find(|(table, _)| *table == column.table) {
                    Some((_, sum)) => *sum += values,
                    None => left.values.push((column.table, *values)),
                }
            }
        }
        // A record of `direct` mode has no data key that could be wrapped; its values are counted above.
        let is_wrapped = !vault::WrappedKey::from_text(key.key.wrapped.as_str()).is_direct();
        left.data_keys += usize::from(is_wrapped && key.version().is_none_or(|version| version < latest));
    }
    (!left.values.is_empty() || left.data_keys > 0 || left.stray > 0).then_some(left)
}

/// When the environment's data keys last changed.
fn changed_at(found: &EnvironmentKeys) -> Option<DateTime<Utc>> {
    let keys = found.keys.iter().map(|used| &used.key);
    keys.flat_map(|key| [Some(key.created_at), key.wrapped_at, key.retired_at]).flatten().max()
}

fn settling(changed_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<Duration> {
    (changed_at + SETTLE - now).to_std().ok().filter(|wait| !wait.is_zero())
}

async fn remove_unused(services: &Services, found: &EnvironmentKeys, now: DateTime<Utc>) -> Result<usize, StoreError> {
    let scope = Scope { tenant: found.environment.tenant_id, environment: found.environment.environment_id };
    let is_unused = |at: Option<DateTime<Utc>>| at.is_some_and(|at| at + UNUSED < now);
    let unused = found.keys.iter().filter(|used| used.total() == 0 && is_unused(used.key.retired_at));
    let mut tx = services.store.begin(scope).await?;
    let mut removed = 0;
    for used in unused {
        removed += usize::from(tx.data_keys().remove(used.key.data_key_id).await?);
    }
    tx.commit().await?;
    Ok(removed)
}
