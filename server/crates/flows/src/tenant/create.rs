//! Making a tenant.

use ids::{AuditId, TenantId};
use store::{NewAudit, StoreError, TenantRow};
use vault::KeyError;

use super::names;
use crate::{Actor, Services};

/// Why a tenant was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// A field is not what it must be.
    #[error("{0}: {1}")]
    Field(&'static str, String),
    /// The slug is taken.
    #[error("there is one of that name already")]
    Taken,
    /// The tenant does not exist.
    #[error("no such tenant")]
    NoTenant,
    /// The key service could not make its key.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Anything of ours.
    #[error(transparent)]
    Store(StoreError),
}

impl From<names::FieldError> for CreateError {
    fn from((field, rule): names::FieldError) -> Self {
        Self::Field(field, rule)
    }
}

impl From<StoreError> for CreateError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { constraint } if constraint.ends_with("_fkey") => Self::NoTenant,
            StoreError::Conflict { .. } => Self::Taken,
            other => Self::Store(other),
        }
    }
}

/// Makes a tenant and its key in the key service. The key comes first: a key without a tenant does no harm, a tenant
/// without a key could store nothing.
///
/// # Errors
/// [`CreateError`].
pub async fn create(services: &Services, slug: &str, name: &str) -> Result<TenantRow, CreateError> {
    names::slug(slug)?;
    names::name(name)?;
    let row = TenantRow {
        tenant_id: services.mint.id(TenantId::new),
        slug: slug.to_owned(),
        name: name.trim().to_owned(),
        created_at: services.now(),
    };
    services.keys.create_tenant_key(row.tenant_id).await?;
    let mut tx = services.store.begin_system().await?;
    tx.insert_tenant(&row).await?;
    let audit = NewAudit {
        id: services.mint.id(AuditId::new),
        actor: Actor::Operator.to_string(),
        action: "tenant.created",
        subject: row.tenant_id.to_string(),
        detail: serde_json::json!({ "slug": row.slug }),
        at: row.created_at,
    };
    tx.audit(row.tenant_id, None, audit).await?;
    tx.commit().await?;
    Ok(row)
}
