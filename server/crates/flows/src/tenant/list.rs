//! What there is.

use ids::TenantId;
use store::{EnvironmentRow, StoreError, TenantRow};

use crate::Services;

/// Tenants, one more than `limit` if there are more.
///
/// # Errors
/// The query failed.
pub async fn tenants(services: &Services, after: Option<TenantId>, limit: u32) -> Result<Vec<TenantRow>, StoreError> {
    let mut tx = services.store.begin_system().await?;
    let rows = tx.list_tenants(after, i64::from(limit) + 1).await?;
    tx.commit().await?;
    Ok(rows)
}

/// The tenant of that slug.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn tenant_by_slug(services: &Services, slug: &str) -> Result<TenantRow, StoreError> {
    let mut tx = services.store.begin_system().await?;
    let row = tx.tenant_by_slug(slug).await?;
    tx.commit().await?;
    Ok(row)
}

/// A tenant with its environments.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn tenant(services: &Services, id: TenantId) -> Result<(TenantRow, Vec<EnvironmentRow>), StoreError> {
    let mut tx = services.store.begin_tenant(id).await?;
    let found = (tx.tenant().await?, tx.environments().await?);
    tx.commit().await?;
    Ok(found)
}
