//! Wrapped data keys: what credentials are sealed with.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Scope;
use ids::DataKeyId;

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

impl DataKeys<'_> {
    /// The one in use, if one was made yet.
    ///
    /// # Errors
    /// The query failed.
    pub async fn current(&mut self) -> Result<Option<DataKeyRow>, StoreError> {
        let row = data_keys::table
            .filter(
                data_keys::tenant_id.eq(self.scope.tenant).and(data_keys::environment_id.eq(self.scope.environment)),
            )
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
            .filter(
                data_keys::tenant_id.eq(self.scope.tenant).and(data_keys::environment_id.eq(self.scope.environment)),
            )
            .filter(data_keys::data_key_id.eq(id))
            .select(DataKeyRow::as_select())
            .first(self.connection)
            .await?;
        Ok(row)
    }

    /// Makes one the environment's data key, unless another came first: an index allows one in use. Gives whether it did.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn insert_first(&mut self, row: &DataKeyRow, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let inserted = diesel::insert_into(data_keys::table)
            .values((
                data_keys::data_key_id.eq(row.data_key_id),
                data_keys::tenant_id.eq(self.scope.tenant),
                data_keys::environment_id.eq(self.scope.environment),
                data_keys::wrapped.eq(&row.wrapped),
                data_keys::created_at.eq(now),
            ))
            .on_conflict_do_nothing()
            .execute(self.connection)
            .await?;
        Ok(inserted == 1)
    }
}
