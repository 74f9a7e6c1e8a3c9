//! API keys. The secret is never here, only its hash.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, Binary, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Scope;
use ids::{ApiKeyId, ConnectionId, EnvironmentId, IntegrationId, TenantId};

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
    /// The integrations that it reaches; empty for all.
    pub integrations: Vec<IntegrationId>,
    /// The connections that it reaches; empty for all.
    pub connections: Vec<ConnectionId>,
    /// It reaches connections that bear one of these, `name=value`; empty for all.
    pub tags: Vec<String>,
    /// When its secret was last used, to about a minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When its secret was last replaced.
    pub rotated_at: Option<DateTime<Utc>>,
    /// SHA-256 of the secret before that.
    pub previous_hash: Option<Vec<u8>>,
    /// The first characters of the secret before that.
    pub previous_hint: Option<String>,
    /// From when on the secret before that is refused.
    pub previous_until: Option<DateTime<Utc>>,
    /// When the secret before that was last used, to about a minute.
    pub previous_used_at: Option<DateTime<Utc>>,
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

    /// The key of that id, held against changes until the end of the transaction.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn lock(&mut self, id: ApiKeyId) -> Result<ApiKeyRow, StoreError> {
        let mine = api_keys::table
            .filter(api_keys::api_key_id.eq(id))
            .filter(api_keys::tenant_id.eq(self.scope.tenant).and(api_keys::environment_id.eq(self.scope.environment)));
        Ok(mine.select(ApiKeyRow::as_select()).for_no_key_update().first(self.connection).await?)
    }

    /// Gives a key a new secret; the one it had works until then. Every node forgets both once this is committed. A secret
    /// that was replaced before and still worked is refused from then on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn rotate(
        &mut self,
        row: &ApiKeyRow,
        (hash, hint): (&[u8], &str),
        previous_until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mine = api_keys::table
            .filter(api_keys::api_key_id.eq(row.api_key_id))
            .filter(api_keys::tenant_id.eq(self.scope.tenant).and(api_keys::environment_id.eq(self.scope.environment)));
        let changed = diesel::update(mine)
            .set((
                api_keys::secret_hash.eq(hash),
                api_keys::hint.eq(hint),
                api_keys::rotated_at.eq(now),
                api_keys::last_used_at.eq(None::<DateTime<Utc>>),
                api_keys::previous_hash.eq(&row.secret_hash),
                api_keys::previous_hint.eq(&row.hint),
                api_keys::previous_until.eq(previous_until),
                api_keys::previous_used_at.eq(row.last_used_at),
            ))
            .execute(self.connection)
            .await?;
        if changed == 0 {
            return Err(StoreError::NotFound);
        }
        listen::notify_changed(self.connection, row.api_key_id.uuid()).await
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
    /// The key of that hash, if it is neither revoked nor expired: by its secret, or by the one before as long as that
    /// works.
    ///
    /// # Errors
    /// The query failed.
    pub async fn usable_api_key(&mut self, hash: &[u8], now: DateTime<Utc>) -> Result<Option<ApiKeyRow>, StoreError> {
        let by_previous = api_keys::previous_hash.eq(hash).and(api_keys::previous_until.gt(now));
        let query = api_keys::table
            .filter(api_keys::secret_hash.nullable().eq(hash).or(by_previous))
            .filter(api_keys::revoked_at.is_null())
            .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now)))
            .select(ApiKeyRow::as_select());
        Ok(query.first(self.connection()).await.optional()?)
    }

    /// Notes when secrets, by their hashes, were used, in one statement. A time is never set back: other nodes note theirs.
    ///
    /// # Errors
    /// The update failed.
    pub async fn note_key_uses(&mut self, uses: &[(Vec<u8>, DateTime<Utc>)]) -> Result<(), StoreError> {
        const SQL: &str = "
UPDATE api_keys SET last_used_at = greatest(last_used_at, used.current), previous_used_at = greatest(previous_used_at, used.previous)
FROM (SELECT k.api_key_id, max(u.at) FILTER (WHERE u.hash = k.secret_hash) AS current, max(u.at) FILTER (WHERE u.hash = k.previous_hash) AS previous
      FROM unnest($1, $2) AS u(hash, at) JOIN api_keys k ON u.hash = k.secret_hash OR u.hash = k.previous_hash GROUP BY k.api_key_id) used
WHERE api_keys.api_key_id = used.api_key_id";
        let (hashes, times): (Vec<&[u8]>, Vec<_>) = uses.iter().map(|(hash, at)| (hash.as_slice(), *at)).unzip();
        diesel::sql_query(SQL)
            .bind::<Array<Binary>, _>(hashes)
            .bind::<Array<Timestamptz>, _>(times)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
