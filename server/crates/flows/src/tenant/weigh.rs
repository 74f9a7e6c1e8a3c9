//! How much of the workers' places a tenant has while others wait.

use ids::TenantId;
use serde_json::json;
use store::StoreError;

use crate::{Actor, Services, audit};

/// The heaviest a tenant can be.
pub const HEAVIEST: u16 = 100;

/// Why a tenant's weight stays what it is.
#[derive(Debug, thiserror::Error)]
pub enum WeighError {
    /// The weight makes no sense.
    #[error("a weight is a number from 1 to {HEAVIEST}")]
    Weight,
    /// The database failed, or there is no such tenant.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sets a tenant's weight: its share of the places, against tenants of weight 1.
///
/// # Errors
/// [`WeighError`].
pub async fn weigh(services: &Services, tenant: TenantId, weight: u16) -> Result<(), WeighError> {
    if !(1..=HEAVIEST).contains(&weight) {
        return Err(WeighError::Weight);
    }
    let mut tx = services.store.begin_system().await?;
    tx.set_tenant_weight(tenant, weight).await?;
    let row = audit::row(services, Actor::Operator, "tenant.weighed", tenant, json!({ "weight": weight }));
    tx.audit(tenant, None, row).await?;
    tx.commit().await?;
    Ok(())
}
