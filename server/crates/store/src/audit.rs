//! The audit log: rows are only ever added.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::Scope;
use ids::{AuditId, EnvironmentId, TenantId};

use crate::{StoreError, System, Tx, schema::audit};

/// Who did what to which thing.
#[derive(Debug, Clone)]
pub struct NewAudit {
    /// The new row's id.
    pub id: AuditId,
    /// Who: `flows::Actor` as text.
    pub actor: String,
    /// What was done, such as `connection.created`.
    pub action: &'static str,
    /// The id of the thing.
    pub subject: String,
    /// What else is worth knowing; never a secret.
    pub detail: serde_json::Value,
    /// When.
    pub at: DateTime<Utc>,
}

impl Tx<Scope> {
    /// Adds a row about this environment.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn audit(&mut self, row: NewAudit) -> Result<(), StoreError> {
        let Scope { tenant, environment } = self.scope();
        add(self, tenant, Some(environment), row).await
    }
}

impl Tx<TenantId> {
    /// Adds a row about this tenant as a whole.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn audit(&mut self, row: NewAudit) -> Result<(), StoreError> {
        let tenant = self.scope();
        add(self, tenant, None, row).await
    }
}

impl Tx<System> {
    /// Adds a row about a tenant, by whoever acts for none.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn audit(
        &mut self,
        tenant: TenantId,
        environment: Option<EnvironmentId>,
        row: NewAudit,
    ) -> Result<(), StoreError> {
        add(self, tenant, environment, row).await
    }
}

async fn add<S>(
    tx: &mut Tx<S>,
    tenant: TenantId,
    environment: Option<EnvironmentId>,
    row: NewAudit,
) -> Result<(), StoreError> {
    diesel::insert_into(audit::table)
        .values((
            audit::audit_id.eq(row.id),
            audit::tenant_id.eq(tenant),
            audit::environment_id.eq(environment),
            audit::actor.eq(row.actor),
            audit::action.eq(row.action),
            audit::subject.eq(row.subject),
            audit::detail.eq(row.detail),
            audit::at.eq(row.at),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}
