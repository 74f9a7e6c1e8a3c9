//! A new version of a tenant's key, and new data keys.

use domain::Scope;
use ids::{DataKeyId, TenantId};
use serde_json::json;
use store::{DataKeyHistory, DataKeyRow, StoreError};
use vault::{KeyError, KeyGovernance, WrappedKey};

use crate::{Actor, Services, audit, tenant::list};

/// How often a data key that servers replace at the same moment is looked at anew.
const TRIES: u32 = 5;

/// Why a rotation did not come to its end. Begin it again: that adds one more version, and nothing is lost.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The key service.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The new version of the tenant's key.
    pub version: u32,
    /// New data keys, one for each environment that had one.
    pub made: usize,
    /// Older data keys that are wrapped with the new version now.
    pub rewrapped: usize,
}

/// Adds a version to the tenant's key, makes a new data key for each environment that has one, and wraps the older ones
/// with the new version. Servers seal with the new data keys from then on and are not disturbed: what they have unwrapped
/// stays right.
///
/// # Errors
/// [`RotateError`].
pub async fn rotate(
    services: &Services,
    governance: &dyn KeyGovernance,
    tenant: TenantId,
    actor: Actor,
) -> Result<Rotated, RotateError> {
    let (_, environments) = list::tenant(services, tenant).await?;
    let version = governance.rotate_tenant_key(tenant).await?;
    let mut rotated = Rotated { version, made: 0, rewrapped: 0 };
    for environment in environments {
        let scope = Scope { tenant, environment: environment.environment_id };
        if renew(services, governance, scope, version).await? {
            rotated.made += 1;
        }
        rotated.rewrapped += rewrap_data_keys(services, governance, scope, version).await?;
    }
    let detail =
        json!({ "version": version, "data_keys_made": rotated.made, "data_keys_rewrapped": rotated.rewrapped });
    let mut tx = services.store.begin_tenant(tenant).await?;
    tx.audit(audit::row(services, actor, "keys.rotated", tenant, detail)).await?;
    tx.commit().await?;
    Ok(rotated)
}

/// Puts a new data key in the place of the one in use. Gives whether there was one.
async fn renew(
    services: &Services,
    governance: &dyn KeyGovernance,
    scope: Scope,
    version: u32,
) -> Result<bool, RotateError> {
    for _ in 0..TRIES {
        let mut tx = services.store.begin(scope).await?;
        let current = tx.data_keys().current().await?;
        tx.commit().await?;
        let Some(old) = current else { return Ok(false) };
        let wrapped = if WrappedKey::from_text(old.wrapped).is_direct() {
            WrappedKey::direct(version)
        } else {
            governance.new_wrapped_key(scope).await?
        };
        let version = wrapped.version().unwrap_or(version);
        let id = services.mint.id(DataKeyId::new);
        let row = DataKeyRow { data_key_id: id, wrapped: wrapped.as_str().to_owned() };
        let mut tx = services.store.begin(scope).await?;
        if tx.data_keys().replace(old.data_key_id, &row, version, services.now()).await? {
            tx.commit().await?;
            return Ok(true);
        }
    }
    Err(StoreError::Superseded("the data key").into())
}

/// Wraps the older data keys with the newest version. Those that another has wrapped meanwhile are well.
async fn rewrap_data_keys(
    services: &Services,
    governance: &dyn KeyGovernance,
    scope: Scope,
    version: u32,
) -> Result<usize, RotateError> {
    let mut tx = services.store.begin(scope).await?;
    let keys = tx.data_keys().all().await?;
    tx.commit().await?;
    let mut rewrapped = 0;
    for DataKeyHistory { data_key_id, wrapped, .. } in keys {
        let old = WrappedKey::from_text(wrapped);
        // A `direct` record stands for the version that sealed its values, which is not changed by wrapping.
        if old.is_direct() || old.version().is_some_and(|known| known >= version) {
            continue;
        }
        let new = governance.rewrap_data_key(scope, &old).await?;
        let mut tx = services.store.begin(scope).await?;
        let changed = tx.data_keys().rewrapped(data_key_id, old.as_str(), new.as_str(), services.now()).await?;
        tx.commit().await?;
        rewrapped += usize::from(changed);
    }
    Ok(rewrapped)
}
