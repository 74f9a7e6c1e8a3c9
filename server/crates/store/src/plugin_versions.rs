//! Versions of plugins that tenants pushed, and which of them an environment uses.

use chrono::{DateTime, Utc};
use diesel::{prelude::*, sql_types::Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Scope;
use ids::{EnvironmentId, IntegrationId, PluginPinId, PluginVersionId, TenantId};

use crate::{
    StoreError, Tx, listen,
    schema::{integrations, plugin_components, plugin_pins, plugin_versions, runs},
};

/// A version, without its component.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = plugin_versions, check_for_backend(diesel::pg::Pg))]
pub struct PluginVersionRow {
    /// The version's id.
    #[diesel(column_name = plugin_version_id)]
    pub id: PluginVersionId,
    /// The provider's name.
    pub slug: String,
    /// Its number, by Semantic Versioning.
    pub version: String,
    /// The version of the contract that the component speaks.
    pub abi: String,
    /// The manifest, TOML.
    pub manifest: String,
    /// SHA-256 of the component.
    pub component_sha256: Vec<u8>,
    /// How large the component is.
    pub component_bytes: i64,
    /// The Ed25519 public key that the signature is held against, 32 bytes.
    pub public_key: Vec<u8>,
    /// The signature, 64 bytes.
    pub signature: Vec<u8>,
    /// What it asks for beyond the version before: a list.
    pub asks: serde_json::Value,
    /// Who pushed it.
    pub author: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Who agreed to what it asks for.
    pub approved_by: Option<String>,
    /// When.
    pub approved_at: Option<DateTime<Utc>>,
    /// Since when its component is gone.
    pub withdrawn_at: Option<DateTime<Utc>>,
}

impl PluginVersionRow {
    /// Whether the tenant has to agree to it before it can be used.
    #[must_use]
    pub fn needs_approval(&self) -> bool {
        self.approved_at.is_none() && self.asks.as_array().is_none_or(|asks| !asks.is_empty())
    }
}

/// That an environment uses a version.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = plugin_pins, check_for_backend(diesel::pg::Pg))]
pub struct PluginPinRow {
    /// The pin's id.
    #[diesel(column_name = plugin_pin_id)]
    pub id: PluginPinId,
    /// The provider's name.
    pub slug: String,
    /// The version.
    #[diesel(column_name = plugin_version_id)]
    pub version: PluginVersionId,
    /// Who decided that.
    pub pinned_by: String,
    /// Since when.
    pub pinned_at: DateTime<Utc>,
    /// Until when.
    pub ended_at: Option<DateTime<Utc>>,
}

/// The pushed plugins of one environment.
pub struct PluginVersions<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The pushed plugins of this environment.
    pub fn plugin_versions(&mut self) -> PluginVersions<'_> {
        let scope = self.scope();
        PluginVersions { connection: self.connection(), scope }
    }
}

crate::walls::of_environment!(fn mine, plugin_versions);
crate::walls::of_environment!(fn my_pins, plugin_pins);

/// A pin's version.
fn of_pin() -> diesel::dsl::Eq<plugin_versions::plugin_version_id, plugin_pins::plugin_version_id> {
    plugin_versions::plugin_version_id.eq(plugin_pins::plugin_version_id)
}

impl PluginVersions<'_> {
    /// Until the end of the transaction nobody else adds a version of that name here, or changes which is in force.
    ///
    /// # Errors
    /// The query failed.
    pub async fn lock(&mut self, slug: &str) -> Result<(), StoreError> {
        diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind::<Text, _>(format!("plugin {} {slug}", self.scope.environment.uuid()))
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// Adds a version with its component.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is one of that number.
    pub async fn insert(&mut self, row: &PluginVersionRow, component: &[u8]) -> Result<(), StoreError> {
        diesel::insert_into(plugin_versions::table)
            .values((
                plugin_versions::plugin_version_id.eq(row.id),
                plugin_versions::tenant_id.eq(self.scope.tenant),
                plugin_versions::environment_id.eq(self.scope.environment),
                plugin_versions::slug.eq(&row.slug),
                plugin_versions::version.eq(&row.version),
                plugin_versions::abi.eq(&row.abi),
                plugin_versions::manifest.eq(&row.manifest),
                plugin_versions::component_sha256.eq(&row.component_sha256),
                plugin_versions::component_bytes.eq(row.component_bytes),
                plugin_versions::public_key.eq(&row.public_key),
                plugin_versions::signature.eq(&row.signature),
                plugin_versions::asks.eq(&row.asks),
                plugin_versions::author.eq(&row.author),
                plugin_versions::created_at.eq(row.created_at),
            ))
            .execute(self.connection)
            .await?;
        diesel::insert_into(plugin_components::table)
            .values((
                plugin_components::plugin_version_id.eq(row.id),
                plugin_components::tenant_id.eq(self.scope.tenant),
                plugin_components::environment_id.eq(self.scope.environment),
                plugin_components::component.eq(component),
            ))
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// The version of that name and number.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&mut self, slug: &str, version: &str) -> Result<PluginVersionRow, StoreError> {
        Ok(plugin_versions::table
            .filter(mine(self.scope))
            .filter(plugin_versions::slug.eq(slug))
            .filter(plugin_versions::version.eq(version))
            .select(PluginVersionRow::as_select())
            .first(self.connection)
            .await?)
    }

    /// The version with that id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn by_id(&mut self, id: PluginVersionId) -> Result<PluginVersionRow, StoreError> {
        Ok(plugin_versions::table
            .filter(mine(self.scope))
            .filter(plugin_versions::plugin_version_id.eq(id))
            .select(PluginVersionRow::as_select())
            .first(self.connection)
            .await?)
    }

    /// All versions of a name, the one that was pushed last first; of all names by name.
    ///
    /// # Errors
    /// The query failed.
    pub async fn all(&mut self, slug: Option<&str>) -> Result<Vec<PluginVersionRow>, StoreError> {
        let mut query = plugin_versions::table
            .filter(mine(self.scope))
            .select(PluginVersionRow::as_select())
            .order((plugin_versions::slug, plugin_versions::plugin_version_id.desc()))
            .into_boxed();
        if let Some(slug) = slug {
            query = query.filter(plugin_versions::slug.eq(slug.to_owned()));
        }
        Ok(query.load(self.connection).await?)
    }

    /// The component of a version.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if it was withdrawn.
    pub async fn component(&mut self, id: PluginVersionId) -> Result<Vec<u8>, StoreError> {
        Ok(plugin_components::table
            .filter(plugin_components::tenant_id.eq(self.scope.tenant))
            .filter(plugin_components::environment_id.eq(self.scope.environment))
            .filter(plugin_components::plugin_version_id.eq(id))
            .select(plugin_components::component)
            .first(self.connection)
            .await?)
    }

    /// Somebody agreed to what a version asks for. Gives whether it was this that agreed.
    ///
    /// # Errors
    /// The update failed.
    pub async fn approve(&mut self, id: PluginVersionId, by: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let version = plugin_versions::table
            .filter(mine(self.scope))
            .filter(plugin_versions::plugin_version_id.eq(id))
            .filter(plugin_versions::approved_at.is_null());
        let set = (plugin_versions::approved_at.eq(now), plugin_versions::approved_by.eq(by));
        Ok(diesel::update(version).set(set).execute(self.connection).await? > 0)
    }

    /// Removes the component of a version; its number stays taken.
    ///
    /// # Errors
    /// The update failed.
    pub async fn withdraw(&mut self, id: PluginVersionId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let version = plugin_versions::table.filter(mine(self.scope)).filter(plugin_versions::plugin_version_id.eq(id));
        diesel::update(version).set(plugin_versions::withdrawn_at.eq(now)).execute(self.connection).await?;
        let component = plugin_components::table
            .filter(plugin_components::tenant_id.eq(self.scope.tenant))
            .filter(plugin_components::environment_id.eq(self.scope.environment))
            .filter(plugin_components::plugin_version_id.eq(id));
        diesel::delete(component).execute(self.connection).await?;
        listen::notify_changed(self.connection, id.uuid()).await
    }

    /// How many runs are under way that began with a version.
    ///
    /// # Errors
    /// The query failed.
    pub async fn runs_under_way(&mut self, id: PluginVersionId) -> Result<i64, StoreError> {
        Ok(runs::table
            .filter(runs::tenant_id.eq(self.scope.tenant))
            .filter(runs::environment_id.eq(self.scope.environment))
            .filter(runs::plugin_version_id.eq(id))
            .filter(runs::state.eq("running"))
            .count()
            .get_result(self.connection)
            .await?)
    }

    /// The version of that name that is in force.
    ///
    /// # Errors
    /// The query failed.
    pub async fn pinned(&mut self, slug: &str) -> Result<Option<PluginVersionRow>, StoreError> {
        Ok(plugin_pins::table
            .inner_join(plugin_versions::table.on(of_pin()))
            .filter(my_pins(self.scope))
            .filter(plugin_pins::slug.eq(slug))
            .filter(plugin_pins::ended_at.is_null())
            .select(PluginVersionRow::as_select())
            .first(self.connection)
            .await
            .optional()?)
    }

    /// The versions in force, of all names.
    ///
    /// # Errors
    /// The query failed.
    pub async fn all_pinned(&mut self) -> Result<Vec<PluginVersionRow>, StoreError> {
        Ok(plugin_pins::table
            .inner_join(plugin_versions::table.on(of_pin()))
            .filter(my_pins(self.scope))
            .filter(plugin_pins::ended_at.is_null())
            .select(PluginVersionRow::as_select())
            .load(self.connection)
            .await?)
    }

    /// What was in force of a name and is, the earliest first.
    ///
    /// # Errors
    /// The query failed.
    pub async fn pins(&mut self, slug: &str) -> Result<Vec<PluginPinRow>, StoreError> {
        Ok(plugin_pins::table
            .filter(my_pins(self.scope))
            .filter(plugin_pins::slug.eq(slug))
            .order(plugin_pins::plugin_pin_id)
            .select(PluginPinRow::as_select())
            .load(self.connection)
            .await?)
    }

    /// Puts another version in force, or the first. Nodes that keep what it was in memory hear of it at commit.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn pin(&mut self, row: &PluginPinRow) -> Result<(), StoreError> {
        self.end_pin(&row.slug, row.pinned_at).await?;
        diesel::insert_into(plugin_pins::table)
            .values((
                plugin_pins::plugin_pin_id.eq(row.id),
                plugin_pins::tenant_id.eq(self.scope.tenant),
                plugin_pins::environment_id.eq(self.scope.environment),
                plugin_pins::slug.eq(&row.slug),
                plugin_pins::plugin_version_id.eq(row.version),
                plugin_pins::pinned_by.eq(&row.pinned_by),
                plugin_pins::pinned_at.eq(row.pinned_at),
            ))
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// Puts no version in force any more. Gives the one that was. Nodes that keep it in memory hear of it at commit.
    ///
    /// # Errors
    /// The update failed.
    pub async fn end_pin(&mut self, slug: &str, now: DateTime<Utc>) -> Result<Option<PluginVersionId>, StoreError> {
        let current = plugin_pins::table
            .filter(my_pins(self.scope))
            .filter(plugin_pins::slug.eq(slug))
            .filter(plugin_pins::ended_at.is_null());
        let ended: Option<PluginVersionId> = diesel::update(current)
            .set(plugin_pins::ended_at.eq(now))
            .returning(plugin_pins::plugin_version_id)
            .get_result(self.connection)
            .await
            .optional()?;
        if let Some(id) = ended {
            listen::notify_changed(self.connection, id.uuid()).await?;
        }
        tell_users(self.connection, self.scope, slug).await?;
        Ok(ended)
    }
}

/// What is known of connections through integrations of a provider is old once this is committed.
pub(crate) async fn tell_users(connection: &mut AsyncPgConnection, scope: Scope, slug: &str) -> Result<(), StoreError> {
    let users: Vec<IntegrationId> = integrations::table
        .filter(integrations::tenant_id.eq(scope.tenant))
        .filter(integrations::environment_id.eq(scope.environment))
        .filter(integrations::provider.eq(slug))
        .select(integrations::integration_id)
        .load(connection)
        .await?;
    for id in users {
        listen::notify_changed(connection, id.uuid()).await?;
    }
    Ok(())
}
