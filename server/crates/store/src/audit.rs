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

/// A row as it is put in.
#[derive(Insertable)]
#[diesel(table_name = audit, treat_none_as_default_value = false)]
pub(crate) struct AuditColumns<'a> {
    audit_id: AuditId,
    tenant_id: TenantId,
    environment_id: Option<EnvironmentId>,
    actor: &'a str,
    action: &'a str,
    subject: &'a str,
    detail: &'a serde_json::Value,
    at: DateTime<Utc>,
}

impl<'a> AuditColumns<'a> {
    pub(crate) fn of(row: &'a NewAudit, tenant: TenantId, environment: Option<EnvironmentId>) -> Self {
        Self {
            audit_id: row.id,
            tenant_id: tenant,
            environment_id: environment,
            actor: &row.actor,
            action: row.action,
            subject: &row.subject,
            detail: &row.detail,
            at: row.at,
        }
    }
}

impl Tx<Scope> {
    /// Adds a row about this environment.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn audit(&mut self, row: NewAudit) -> Result<(), StoreError> {
        let Scope { tenant, environment } = self.scope();
        add(self, tenant, Some(environment), &row).await
    }
}

impl Tx<TenantId> {
    /// Adds a row about this tenant as a whole.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn audit(&mut self, row: NewAudit) -> Result<(), StoreError> {
        let tenant = self.scope();
        add(self, tenant, None, &row).await
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
        add(self, tenant, environment, &row).await
    }
}

async fn add<S>(
    tx: &mut Tx<S>,
    tenant: TenantId,
    environment: Option<EnvironmentId>,
    row: &NewAudit,
) -> Result<(), StoreError> {
    diesel::insert_into(audit::table)
        .values(AuditColumns::of(row, tenant, environment))
        .execute(tx.connection())
        .await?;
    Ok(())
}
