//! Providers that tenants described themselves. A version never changes; the highest of a name is in force.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Nullable, Text, Uuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Scope;
use ids::{EnvironmentId, PluginVersionId, ProviderVersionId, TenantId};

use crate::{
    StoreError, Tx, plugin_versions,
    prepared::Prepared,
    schema::{integrations, provider_versions},
};

/// A version of a provider.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = provider_versions, check_for_backend(diesel::pg::Pg))]
pub struct ProviderVersionRow {
    /// The version's id.
    #[diesel(column_name = provider_version_id)]
    pub id: ProviderVersionId,
    /// The provider's name.
    pub slug: String,
    /// Counts from 1.
    pub version: i32,
    /// The manifest, TOML.
    pub manifest: String,
    /// Who sent it.
    pub author: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Which versions of a name are in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct InForce {
    /// That of a pushed plugin. It goes before the other.
    #[diesel(sql_type = Nullable<Uuid>)]
    pub pinned: Option<PluginVersionId>,
    /// That of a description.
    #[diesel(sql_type = Nullable<Uuid>)]
    pub described: Option<ProviderVersionId>,
}

/// The described providers of one environment.
pub struct ProviderVersions<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The described providers of this environment.
    pub fn provider_versions(&mut self) -> ProviderVersions<'_> {
        let scope = self.scope();
        ProviderVersions { connection: self.connection(), scope }
    }
}

crate::walls::of_environment!(fn mine, provider_versions);

impl ProviderVersions<'_> {
    /// Which versions of a name are in force, for those who know what these say.
    ///
    /// # Errors
    /// The query failed.
    pub async fn in_force(&mut self, slug: &str) -> Result<InForce, StoreError> {
        const SQL: &str = "
SELECT (SELECT plugin_version_id FROM plugin_pins
        WHERE tenant_id = $1 AND environment_id = $2 AND slug = $3 AND ended_at IS NULL) AS pinned,
    (SELECT provider_version_id FROM provider_versions
        WHERE tenant_id = $1 AND environment_id = $2 AND slug = $3 ORDER BY version DESC LIMIT 1) AS described";
        let query = diesel::sql_query(SQL)
            .bind::<Uuid, _>(self.scope.tenant)
            .bind::<Uuid, _>(self.scope.environment)
            .bind::<Text, _>(slug);
        Ok(Prepared(query).get_result(self.connection).await?)
    }

    /// The version in force of that name.
    ///
    /// # Errors
    /// The query failed.
    pub async fn current(&mut self, slug: &str) -> Result<Option<ProviderVersionRow>, StoreError> {
        Ok(provider_versions::table
            .filter(mine(self.scope))
            .filter(provider_versions::slug.eq(slug))
            .order(provider_versions::version.desc())
            .select(ProviderVersionRow::as_select())
            .first(self.connection)
            .await
            .optional()?)
    }

    /// The versions in force, by name.
    ///
    /// # Errors
    /// The query failed.
    pub async fn all_current(&mut self) -> Result<Vec<ProviderVersionRow>, StoreError> {
        Ok(provider_versions::table
            .filter(mine(self.scope))
            .distinct_on(provider_versions::slug)
            .order((provider_versions::slug, provider_versions::version.desc()))
            .select(ProviderVersionRow::as_select())
            .load(self.connection)
            .await?)
    }

    /// All versions of a name, the newest first.
    ///
    /// # Errors
    /// The query failed.
    pub async fn history(&mut self, slug: &str) -> Result<Vec<ProviderVersionRow>, StoreError> {
        Ok(provider_versions::table
            .filter(mine(self.scope))
            .filter(provider_versions::slug.eq(slug))
            .order(provider_versions::version.desc())
            .select(ProviderVersionRow::as_select())
            .load(self.connection)
            .await?)
    }

    /// Adds a version. Nodes that keep connections of the name in memory hear of it at commit.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if somebody else was faster with that version.
    pub async fn insert(&mut self, row: &ProviderVersionRow) -> Result<(), StoreError> {
        diesel::insert_into(provider_versions::table)
            .values((
                provider_versions::provider_version_id.eq(row.id),
                provider_versions::tenant_id.eq(self.scope.tenant),
                provider_versions::environment_id.eq(self.scope.environment),
                provider_versions::slug.eq(&row.slug),
                provider_versions::version.eq(row.version),
                provider_versions::manifest.eq(&row.manifest),
                provider_versions::author.eq(&row.author),
                provider_versions::created_at.eq(row.created_at),
            ))
            .execute(self.connection)
            .await?;
        plugin_versions::tell_users(self.connection, self.scope, &row.slug).await?;
        Ok(())
    }

    /// Removes all versions of a name. Gives how many there were.
    ///
    /// # Errors
    /// The query failed.
    pub async fn delete(&mut self, slug: &str) -> Result<usize, StoreError> {
        let theirs = provider_versions::table.filter(mine(self.scope)).filter(provider_versions::slug.eq(slug));
        let gone = diesel::delete(theirs).execute(self.connection).await?;
        plugin_versions::tell_users(self.connection, self.scope, slug).await?;
        Ok(gone)
    }

    /// How many integrations use a provider of that name.
    ///
    /// # Errors
    /// The query failed.
    pub async fn used_by(&mut self, slug: &str) -> Result<i64, StoreError> {
        Ok(integrations::table
            .filter(integrations::tenant_id.eq(self.scope.tenant))
            .filter(integrations::environment_id.eq(self.scope.environment))
            .filter(integrations::provider.eq(slug))
            .count()
            .get_result(self.connection)
            .await?)
    }
}
