//! Public keys whose signatures environments trust on plugins.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Scope;
use ids::{EnvironmentId, PluginKeyId, TenantId};

use crate::{StoreError, Tx, schema::plugin_keys};

/// A key.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = plugin_keys, check_for_backend(diesel::pg::Pg))]
pub struct PluginKeyRow {
    /// Its id.
    #[diesel(column_name = plugin_key_id)]
    pub id: PluginKeyId,
    /// What people call it.
    pub name: String,
    /// The Ed25519 public key, 32 bytes.
    pub public_key: Vec<u8>,
    /// Who registered it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Who revoked it.
    pub revoked_by: Option<String>,
    /// Since when nothing that it signed is taken any more.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The keys of one environment.
pub struct PluginKeys<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The keys that this environment trusts on plugins.
    pub fn plugin_keys(&mut self) -> PluginKeys<'_> {
        let scope = self.scope();
        PluginKeys { connection: self.connection(), scope }
    }
}

crate::walls::of_environment!(fn mine, plugin_keys);

impl PluginKeys<'_> {
    /// Adds a key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is there already, revoked or not.
    pub async fn insert(&mut self, row: &PluginKeyRow) -> Result<(), StoreError> {
        diesel::insert_into(plugin_keys::table)
            .values((
                plugin_keys::plugin_key_id.eq(row.id),
                plugin_keys::tenant_id.eq(self.scope.tenant),
                plugin_keys::environment_id.eq(self.scope.environment),
                plugin_keys::name.eq(&row.name),
                plugin_keys::public_key.eq(&row.public_key),
                plugin_keys::created_by.eq(&row.created_by),
                plugin_keys::created_at.eq(row.created_at),
            ))
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// Keys in the order of their ids, after one of them, revoked ones too.
    ///
    /// # Errors
    /// The query failed.
    pub async fn list(&mut self, after: Option<PluginKeyId>, limit: i64) -> Result<Vec<PluginKeyRow>, StoreError> {
        let mut query = plugin_keys::table
            .filter(mine(self.scope))
            .select(PluginKeyRow::as_select())
            .order(plugin_keys::plugin_key_id)
            .limit(limit)
            .into_boxed();
        if let Some(after) = after {
            query = query.filter(plugin_keys::plugin_key_id.gt(after));
        }
        Ok(query.load(self.connection).await?)
    }

    /// The key with that id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&mut self, id: PluginKeyId) -> Result<PluginKeyRow, StoreError> {
        let query = plugin_keys::table.filter(mine(self.scope)).filter(plugin_keys::plugin_key_id.eq(id));
        Ok(query.select(PluginKeyRow::as_select()).first(self.connection).await?)
    }

    /// The key with those bytes, revoked or not. Held until the end of the transaction, so that it is not revoked while
    /// something is taken in by its signature.
    ///
    /// # Errors
    /// The query failed.
    pub async fn hold(&mut self, public_key: &[u8]) -> Result<Option<PluginKeyRow>, StoreError> {
        let query = plugin_keys::table.filter(mine(self.scope)).filter(plugin_keys::public_key.eq(public_key));
        Ok(query.select(PluginKeyRow::as_select()).for_share().first(self.connection).await.optional()?)
    }

    /// Revokes a key; one that is revoked stays so. Gives whether it was this that revoked it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn revoke(&mut self, id: PluginKeyId, by: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let key = plugin_keys::table.filter(mine(self.scope)).filter(plugin_keys::plugin_key_id.eq(id));
        let changed = diesel::update(key.filter(plugin_keys::revoked_at.is_null()))
            .set((plugin_keys::revoked_at.eq(now), plugin_keys::revoked_by.eq(by)))
            .execute(self.connection)
            .await?;
        if changed == 0 {
            self.find(id).await?;
        }
        Ok(changed > 0)
    }
}
