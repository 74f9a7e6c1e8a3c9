//! Tenants and their environments.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ids::{EnvironmentId, TenantId};

use crate::{
    StoreError, System, Tx,
    schema::{environments, tenants},
};

/// A row of `tenants`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = tenants, check_for_backend(diesel::pg::Pg))]
pub struct TenantRow {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Short unique name.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// A row of `environments`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = environments, check_for_backend(diesel::pg::Pg))]
pub struct EnvironmentRow {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Short name, unique within the tenant.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

impl Tx<System> {
    /// Adds a tenant.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the slug is taken.
    pub async fn insert_tenant(&mut self, row: &TenantRow) -> Result<(), StoreError> {
        diesel::insert_into(tenants::table).values(row).execute(self.connection()).await?;
        Ok(())
    }

    /// Tenants in the order of their ids, after one of them.
    ///
    /// # Errors
    /// The query failed.
    pub async fn list_tenants(&mut self, after: Option<TenantId>, limit: i64) -> Result<Vec<TenantRow>, StoreError> {
        let mut query =
            tenants::table.select(TenantRow::as_select()).order(tenants::tenant_id).limit(limit).into_boxed();
        if let Some(after) = after {
            query = query.filter(tenants::tenant_id.gt(after));
        }
        Ok(query.load(self.connection()).await?)
    }

    /// The tenant of that slug.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn tenant_by_slug(&mut self, slug: &str) -> Result<TenantRow, StoreError> {
        let query = tenants::table.filter(tenants::slug.eq(slug)).select(TenantRow::as_select());
        Ok(query.first(self.connection()).await?)
    }
}

impl Tx<System> {
    /// Sets a tenant's share of the workers' places, against tenants of weight 1.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_tenant_weight(&mut self, tenant: TenantId, weight: u16) -> Result<(), StoreError> {
        let weight = i16::try_from(weight).unwrap_or(i16::MAX);
        let set = diesel::update(tenants::table.find(tenant)).set(tenants::weight.eq(weight));
        if set.execute(self.connection()).await? == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }
}

impl Tx<TenantId> {
    /// The tenant itself.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn tenant(&mut self) -> Result<TenantRow, StoreError> {
        let query = tenants::table.find(self.scope()).select(TenantRow::as_select());
        Ok(query.first(self.connection()).await?)
    }

    /// Adds an environment.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the tenant has one of that slug.
    pub async fn insert_environment(&mut self, row: &EnvironmentRow) -> Result<(), StoreError> {
        diesel::insert_into(environments::table).values(row).execute(self.connection()).await?;
        Ok(())
    }

    /// The tenant's environments, oldest first.
    ///
    /// # Errors
    /// The query failed.
    pub async fn environments(&mut self) -> Result<Vec<EnvironmentRow>, StoreError> {
        let query = environments::table
            .filter(environments::tenant_id.eq(self.scope()))
            .select(EnvironmentRow::as_select())
            .order(environments::environment_id);
        Ok(query.load(self.connection()).await?)
    }
}
