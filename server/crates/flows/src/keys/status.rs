//! What lies under which key.

use domain::Scope;
use ids::{DataKeyId, TenantId};
use store::{DataKeyHistory, EnvironmentRow, KeyRewrapRow, SealedColumn, StoreError, TenantRow};
use vault::{KeyError, KeyGovernance, KeyVersions, WrappedKey};

use crate::{Services, tenant::list};

/// Why nothing could be said.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A tenant's keys.
#[derive(Debug)]
pub struct TenantKeys {
    /// The tenant.
    pub tenant: TenantRow,
    /// Which versions its key has, as far as the key service says.
    pub versions: Result<KeyVersions, KeyError>,
    /// Its environments.
    pub environments: Vec<EnvironmentKeys>,
}

/// An environment's data keys.
#[derive(Debug)]
pub struct EnvironmentKeys {
    /// The environment.
    pub environment: EnvironmentRow,
    /// Its data keys, oldest first.
    pub keys: Vec<KeyUse>,
    /// Values that name a data key which is not there: they do not open.
    pub stray: Vec<(SealedColumn, u64)>,
    /// The latest run that seals values anew.
    pub rewrap: Option<KeyRewrapRow>,
}

/// A data key, and what lies under it.
#[derive(Debug)]
pub struct KeyUse {
    /// The data key.
    pub key: DataKeyHistory,
    /// The values, by column.
    pub values: Vec<(SealedColumn, u64)>,
}

impl KeyUse {
    /// The version of the tenant's key that wraps it now; of a `direct` record, the one that sealed the values.
    #[must_use]
    pub fn version(&self) -> Option<u32> {
        WrappedKey::from_text(self.key.wrapped.as_str()).version()
    }

    /// The version that wrapped it first.
    #[must_use]
    pub fn born(&self) -> u32 {
        u32::try_from(self.key.born_version).unwrap_or_default()
    }

    /// How many values lie under it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.values.iter().map(|(_, values)| values).sum()
    }
}

/// Counts what lies under which data key of a tenant.
///
/// # Errors
/// [`StatusError`]. A key service that does not answer is part of the answer.
pub async fn status(
    services: &Services,
    governance: &dyn KeyGovernance,
    tenant: TenantId,
) -> Result<TenantKeys, StatusError> {
    let (tenant, environments) = list::tenant(services, tenant).await?;
    let versions = governance.versions(tenant.tenant_id).await;
    let mut found = Vec::new();
    for environment in environments {
        found.push(of_environment(services, environment).await?);
    }
    Ok(TenantKeys { tenant, versions, environments: found })
}

/// The same of one environment, without the key service.
pub(super) async fn of_environment(
    services: &Services,
    environment: EnvironmentRow,
) -> Result<EnvironmentKeys, StoreError> {
    let scope = Scope { tenant: environment.tenant_id, environment: environment.environment_id };
    let mut tx = services.store.begin(scope).await?;
    // The counts before the keys: a value that is sealed in between may name a key that is made in between.
    let counts = tx.sealed_values().count().await?;
    let keys = tx.data_keys().all().await?;
    let rewrap = tx.key_rewraps().latest().await?;
    tx.commit().await?;
    let under = |id: DataKeyId| counts.iter().filter(move |count| count.data_key == id);
    let stray = counts.iter().filter(|count| keys.iter().all(|key| key.data_key_id != count.data_key));
    let stray = stray.map(|count| (count.column, count.values)).collect();
    let keys = keys.iter().map(|key| KeyUse {
        values: under(key.data_key_id).map(|count| (count.column, count.values)).collect(),
        key: key.clone(),
    });
    Ok(EnvironmentKeys { environment, keys: keys.collect(), stray, rewrap })
}
