//! API keys. The secret is never here, only its hash.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Scope;
use ids::{ApiKeyId, EnvironmentId, TenantId};

use crate::{StoreError, System, Tx, listen, schema::api_keys};

/// A row of `api_keys`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
pub struct ApiKeyRow {
    /// The key.
    pub api_key_id: ApiKeyId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// The environment that it opens.
    pub environment_id: EnvironmentId,
    /// What the tenant calls it.
    pub name: String,
    /// Its first characters.
    pub hint: String,
    /// SHA-256 of the key.
    pub secret_hash: Vec<u8>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// Since when it is refused.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The keys of one environment.
pub struct ApiKeys<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The keys of this environment.
    pub fn api_keys(&mut self) -> ApiKeys<'_> {
        let scope = self.scope();
        ApiKeys { connection: self.connection(), scope }
    }
}

impl ApiKeys<'_> {
    /// Adds a key.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn insert(&mut self, row: &ApiKeyRow) -> Result<(), StoreError> {
        diesel::insert_into(api_keys::table).values(row).execute(self.connection).await?;
        Ok(())
    }

    /// Keys in the order of their ids, after one of them, revoked ones too.
    ///
    /// # Errors
    /// The query failed.
    pub async fn list(&mut self, after: Option<ApiKeyId>, limit: i64) -> Result<Vec<ApiKeyRow>, StoreError> {
        let mut query = api_keys::table
            .filter(api_keys::tenant_id.eq(self.scope.tenant).and(api_keys::environment_id.eq(self.scope.environment)))
            .select(ApiKeyRow::as_select())
            .order(api_keys::api_key_id)
            .limit(limit)
            .into_boxed();
        if let Some(after) = after {
            query = query.filter(api_keys::api_key_id.gt(after));
        }
        Ok(query.load(self.connection).await?)
    }

    /// Revokes a key; every node forgets it once this is committed. One that is revoked stays so.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn revoke(&mut self, id: ApiKeyId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mine = api_keys::table
            .filter(api_keys::api_key_id.eq(id))
            .filter(api_keys::tenant_id.eq(self.scope.tenant).and(api_keys::environment_id.eq(self.scope.environment)));
        let changed = diesel::update(mine.filter(api_keys::revoked_at.is_null()))
            .set(api_keys::revoked_at.eq(now))
            .execute(self.connection)
            .await?;
        if changed == 0 {
            let known: i64 = mine.count().get_result(self.connection).await?;
            return if known == 0 { Err(StoreError::NotFound) } else { Ok(()) };
        }
        listen::notify_changed(self.connection, id.uuid()).await
    }
}

impl Tx<System> {
    /// The key of that hash, if it is neither revoked nor expired.
    ///
    /// # Errors
    /// The query failed.
    pub async fn usable_api_key(&mut self, hash: &[u8], now: DateTime<Utc>) -> Result<Option<ApiKeyRow>, StoreError> {
        let query = api_keys::table
            .filter(api_keys::secret_hash.eq(hash))
            .filter(api_keys::revoked_at.is_null())
            .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now)))
            .select(ApiKeyRow::as_select());
        Ok(query.first(self.connection()).await.optional()?)
    }
}
