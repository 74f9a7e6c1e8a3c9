//! Making an environment.

use ids::{AuditId, EnvironmentId, TenantId};
use store::{EnvironmentRow, NewAudit};

use super::{create::CreateError, names};
use crate::{Actor, Services};

/// Makes an environment of a tenant.
///
/// # Errors
/// [`CreateError`].
pub async fn create_environment(
    services: &Services,
    tenant: TenantId,
    slug: &str,
    name: &str,
) -> Result<EnvironmentRow, CreateError> {
    names::slug(slug)?;
    names::name(name)?;
    let row = EnvironmentRow {
        environment_id: services.mint.id(EnvironmentId::new),
        tenant_id: tenant,
        slug: slug.to_owned(),
        name: name.trim().to_owned(),
        created_at: services.now(),
    };
    let mut tx = services.store.begin_tenant(tenant).await?;
    tx.insert_environment(&row).await?;
    tx.audit(NewAudit {
        id: services.mint.id(AuditId::new),
        actor: Actor::Operator.to_string(),
        action: "environment.created",
        subject: row.environment_id.to_string(),
        detail: serde_json::json!({ "slug": row.slug }),
        at: row.created_at,
    })
    .await?;
    tx.commit().await?;
    Ok(row)
}
