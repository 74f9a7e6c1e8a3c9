//! Wrapped data keys: what credentials are sealed with, and how much.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Scope;
use ids::{DataKeyId, EnvironmentId, TenantId};

use crate::{StoreError, Tx, schema::data_keys};

/// A data key as wrapped by the key service.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = data_keys, check_for_backend(diesel::pg::Pg))]
pub struct DataKeyRow {
    /// The key, as ciphertexts name it.
    pub data_key_id: DataKeyId,
    /// Its wrapped form.
    pub wrapped: String,
}

/// A data key with its history, for those who govern keys.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = data_keys, check_for_backend(diesel::pg::Pg))]
pub struct DataKeyHistory {
    /// The key, as ciphertexts name it.
    pub data_key_id: DataKeyId,
    /// Its wrapped form.
    pub wrapped: String,
    /// The version of the tenant's key that wrapped it first.
    pub born_version: i32,
    /// How many messages servers have reserved to seal with it.
    pub messages: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was wrapped with a newer version, if it was.
    pub wrapped_at: Option<DateTime<Utc>>,
    /// Since when it seals nothing new; `None` for the one in use.
    pub retired_at: Option<DateTime<Utc>>,
}

/// The data keys of one environment.
pub struct DataKeys<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The data keys of this environment.
    pub fn data_keys(&mut self) -> DataKeys<'_> {
        let scope = self.scope();
        DataKeys { connection: self.connection(), scope }
    }
}

crate::walls::of_environment!(fn of, data_keys);

impl DataKeys<'_> {
    /// The one in use, if one was made yet.
    ///
    /// # Errors
    /// The query failed.
    pub async fn current(&mut self) -> Result<Option<DataKeyRow>, StoreError> {
        let row = data_keys::table
            .filter(of(self.scope))
            .filter(data_keys::retired_at.is_null())
            .select(DataKeyRow::as_select())
            .first(self.connection)
            .await;
        Ok(row.optional()?)
    }

    /// The one that a ciphertext names.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if it is not of this environment.
    pub async fn find(&mut self, id: DataKeyId) -> Result<DataKeyRow, StoreError> {
        let row = data_keys::table
            .filter(of(self.scope))
            .filter(data_keys::data_key_id.eq(id))
            .select(DataKeyRow::as_select())
            .first(self.connection)
            .await?;
        Ok(row)
    }

    /// All of them, oldest first.
    ///
    /// # Errors
    /// The query failed.
    pub async fn all(&mut self) -> Result<Vec<DataKeyHistory>, StoreError> {
        let query = data_keys::table
            .filter(of(self.scope))
            .select(DataKeyHistory::as_select())
            .order((data_keys::created_at, data_keys::data_key_id));
        Ok(query.load(self.connection).await?)
    }

    /// Makes one the environment's data key, unless another came first: an index allows one in use. Gives whether it did.
    /// `version` is that of the tenant's key that wrapped it.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn insert_first(
        &mut self,
        row: &DataKeyRow,
        version: u32,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let inserted = diesel::insert_into(data_keys::table)
            .values((
                data_keys::data_key_id.eq(row.data_key_id),
                data_keys::tenant_id.eq(self.scope.tenant),
                data_keys::environment_id.eq(self.scope.environment),
                data_keys::wrapped.eq(&row.wrapped),
                data_keys::born_version.eq(i32::try_from(version).unwrap_or(i32::MAX)),
                data_keys::created_at.eq(now),
            ))
            .on_conflict_do_nothing()
            .execute(self.connection)
            .await?;
        Ok(inserted == 1)
    }

    /// Puts another in the place of the one in use. Gives whether `old` still was that.
    ///
    /// # Errors
    /// A query failed.
    pub async fn replace(
        &mut self,
        old: DataKeyId,
        new: &DataKeyRow,
        version: u32,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let current = data_keys::table.filter(of(self.scope)).filter(data_keys::data_key_id.eq(old));
        let retired = diesel::update(current.filter(data_keys::retired_at.is_null()))
            .set(data_keys::retired_at.eq(now))
            .execute(self.connection)
            .await?;
        Ok(retired == 1 && self.insert_first(new, version, now).await?)
    }

    /// Reserves so many messages of the data key in use; `false` if that would go over the cap, or another is in use.
    ///
    /// # Errors
    /// The update failed.
    pub async fn reserve(&mut self, id: DataKeyId, messages: u64, cap: u64) -> Result<bool, StoreError> {
        let bounded = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let room = bounded(cap).saturating_sub(bounded(messages));
        let current = data_keys::table.filter(of(self.scope)).filter(data_keys::data_key_id.eq(id));
        let reserved =
            diesel::update(current.filter(data_keys::retired_at.is_null()).filter(data_keys::messages.le(room)))
                .set(data_keys::messages.eq(data_keys::messages + bounded(messages)))
                .execute(self.connection)
                .await?;
        Ok(reserved == 1)
    }

    /// Stores a data key wrapped anew, unless somebody else has. Gives whether it did.
    ///
    /// # Errors
    /// The update failed.
    pub async fn rewrapped(
        &mut self,
        id: DataKeyId,
        old: &str,
        new: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mine = data_keys::table.filter(of(self.scope)).filter(data_keys::data_key_id.eq(id));
        let changed = diesel::update(mine.filter(data_keys::wrapped.eq(old)))
            .set((data_keys::wrapped.eq(new), data_keys::wrapped_at.eq(now)))
            .execute(self.connection)
            .await?;
        Ok(changed == 1)
    }

    /// Removes a data key that is not in use. The caller has seen to it that nothing lies under it.
    ///
    /// # Errors
    /// The delete failed.
    pub async fn remove(&mut self, id: DataKeyId) -> Result<bool, StoreError> {
        let mine = data_keys::table.filter(of(self.scope)).filter(data_keys::data_key_id.eq(id));
        let removed = diesel::delete(mine.filter(data_keys::retired_at.is_not_null()));
        Ok(removed.execute(self.connection).await? == 1)
    }
}
