//! Destroying a tenant's key: crypto-shredding.

use ids::TenantId;
use serde_json::json;
use store::{StoreError, TenantUse};
use vault::{KeyError, KeyGovernance};

use crate::{Actor, Services, audit};

/// Why a key was not destroyed.
#[derive(Debug, thiserror::Error)]
pub enum DestroyError {
    /// The tenant is in use, and it was not said that this does not matter.
    #[error("the tenant is in use: {} connections, {} API keys", .0.connections, .0.api_keys)]
    InUse(TenantUse),
    /// The key service. What of the database was to be noted is noted; do it again.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destroyed {
    /// What was in use of the tenant.
    pub was_used: TenantUse,
    /// Whether it had been destroyed before.
    pub again: bool,
}

/// Destroys the tenant's key with all versions. Nothing of the tenant opens from then on, in this database and in any backup
/// of it. Servers that have data keys of the tenant in memory are told to forget them; one that does not hear goes on for
/// the few minutes for which it keeps them. Doing it again finishes what broke off.
///
/// # Errors
/// [`DestroyError`]. A tenant in use is refused unless `although_in_use`.
pub async fn destroy(
    services: &Services,
    governance: &dyn KeyGovernance,
    tenant: TenantId,
    although_in_use: bool,
    actor: Actor,
) -> Result<Destroyed, DestroyError> {
    let now = services.now();
    let mut tx = services.store.begin_system().await?;
    let again = tx.keys_destroyed_at(tenant).await?.is_some();
    let was_used = tx.tenant_use(tenant, now).await?;
    if !although_in_use && !again && (was_used.api_keys > 0 || was_used.connections > 0) {
        return Err(DestroyError::InUse(was_used));
    }
    // Noted first: otherwise a server that finds no key would make one for a tenant that never sealed anything.
    tx.mark_keys_destroyed(tenant, now).await?;
    let detail = json!({ "connections": was_used.connections, "api_keys": was_used.api_keys });
    tx.audit(tenant, None, audit::row(services, actor, "keys.destroyed", tenant, detail)).await?;
    tx.commit().await?;
    governance.destroy_tenant_key(tenant).await?;
    services.sealer.forget_tenant(tenant);
    // Told once more: a server may have unwrapped a data key between the first word and the end of the key.
    let mut tx = services.store.begin_system().await?;
    tx.tell_keys_destroyed(tenant).await?;
    tx.commit().await?;
    Ok(Destroyed { was_used, again })
}

/// Whether the tenant's key was destroyed.
///
/// # Errors
/// The query failed.
pub async fn is_destroyed(services: &Services, tenant: TenantId) -> Result<bool, StoreError> {
    let mut tx = services.store.begin_system().await?;
    let destroyed = tx.keys_destroyed_at(tenant).await?.is_some();
    tx.commit().await?;
    Ok(destroyed)
}
