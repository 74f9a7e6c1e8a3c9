//! Imports of many connections: how far each has come, what was wrong, and by what rows are known again.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Scope;
use ids::{ConnectionId, EnvironmentId, ImportId, IntegrationId, TenantId};

use crate::{
    StoreError, Tx,
    schema::{connection_keys, import_errors, imports},
};

/// What was wrong is kept of so many rows of each import.
const MOST_ERRORS: i64 = 1000;

/// An import.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = imports, check_for_backend(diesel::pg::Pg))]
pub struct ImportRow {
    /// Its id.
    #[diesel(column_name = import_id)]
    pub id: ImportId,
    /// Through what connections are made.
    #[diesel(column_name = integration_id)]
    pub integration: IntegrationId,
    /// Rows that are done.
    pub next_row: i64,
    /// Rows that became connections.
    pub made: i64,
    /// Rows whose connection was there already.
    pub present: i64,
    /// Rows that were refused.
    pub wrong: i64,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When its end was said.
    pub finished_at: Option<DateTime<Utc>>,
}

/// What was wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = import_errors, check_for_backend(diesel::pg::Pg))]
pub struct ImportErrorRow {
    /// Which row, from 0.
    pub row_number: i64,
    /// The line that it begins on, from 1.
    pub line: i64,
    /// The field; empty where it is the row.
    pub field: String,
    /// What is wrong.
    pub words: String,
}

/// How far rows have brought an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows that are done.
    pub next_row: i64,
    /// More rows that became connections.
    pub made: i64,
    /// More rows whose connection was there already.
    pub present: i64,
    /// More rows that were refused.
    pub wrong: i64,
}

/// By what a row is known again, and where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowKey {
    /// Unique within the integration.
    pub key: String,
    /// The import.
    pub import: ImportId,
    /// The row there, from 0.
    pub row_number: i64,
}

/// A connection that is known by a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The connection.
    pub connection: ConnectionId,
    /// The import and the row that brought it.
    pub row: Option<(ImportId, i64)>,
}

/// The imports of one environment.
pub struct Imports<'t> {
    connection: &'t mut AsyncPgConnection,
    scope: Scope,
}

impl Tx<Scope> {
    /// The imports of this environment.
    pub fn imports(&mut self) -> Imports<'_> {
        let scope = self.scope();
        Imports { connection: self.connection(), scope }
    }
}

crate::walls::of_environment!(fn mine, imports);

impl Imports<'_> {
    /// Begins an import. `digest` is of the file, where there is one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if one of the same file is open.
    pub async fn insert(
        &mut self,
        id: ImportId,
        integration: IntegrationId,
        digest: Option<&[u8]>,
        actor: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        diesel::insert_into(imports::table)
            .values((
                imports::import_id.eq(id),
                imports::tenant_id.eq(self.scope.tenant),
                imports::environment_id.eq(self.scope.environment),
                imports::integration_id.eq(integration),
                imports::digest.eq(digest),
                imports::actor.eq(actor),
                imports::created_at.eq(now),
            ))
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// The import of that id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find(&mut self, id: ImportId) -> Result<ImportRow, StoreError> {
        let one = imports::table.filter(mine(self.scope)).filter(imports::import_id.eq(id));
        Ok(one.select(ImportRow::as_select()).first(self.connection).await?)
    }

    /// The open import of a file.
    ///
    /// # Errors
    /// The query failed.
    pub async fn open_of(
        &mut self,
        integration: IntegrationId,
        digest: &[u8],
    ) -> Result<Option<ImportRow>, StoreError> {
        let one = imports::table
            .filter(mine(self.scope))
            .filter(imports::integration_id.eq(integration).and(imports::digest.eq(digest)))
            .filter(imports::finished_at.is_null());
        Ok(one.select(ImportRow::as_select()).first(self.connection).await.optional()?)
    }

    /// Rows are done. `from` is where whoever did them began.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] if somebody else went on from there meanwhile.
    pub async fn advance(&mut self, id: ImportId, from: i64, by: Progress) -> Result<(), StoreError> {
        let one = imports::table
            .filter(mine(self.scope))
            .filter(imports::import_id.eq(id).and(imports::next_row.eq(from)).and(imports::finished_at.is_null()));
        let changed = diesel::update(one)
            .set((
                imports::next_row.eq(by.next_row),
                imports::made.eq(imports::made + by.made),
                imports::present.eq(imports::present + by.present),
                imports::wrong.eq(imports::wrong + by.wrong),
            ))
            .execute(self.connection)
            .await?;
        if changed == 0 { Err(StoreError::Superseded("the import")) } else { Ok(()) }
    }

    /// Says the end of an import; saying it again changes nothing.
    ///
    /// # Errors
    /// The update failed.
    pub async fn finish(&mut self, id: ImportId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let one = imports::table.filter(mine(self.scope)).filter(imports::import_id.eq(id));
        diesel::update(one.filter(imports::finished_at.is_null()))
            .set(imports::finished_at.eq(now))
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// Notes what was wrong with rows, as far as there is room.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn note_errors(&mut self, id: ImportId, errors: &[ImportErrorRow]) -> Result<(), StoreError> {
        let noted: i64 =
            import_errors::table.filter(import_errors::import_id.eq(id)).count().get_result(self.connection).await?;
        let room = usize::try_from(MOST_ERRORS - noted).unwrap_or_default();
        let rows: Vec<_> = errors
            .iter()
            .take(room)
            .map(|error| {
                (
                    import_errors::import_id.eq(id),
                    import_errors::tenant_id.eq(self.scope.tenant),
                    import_errors::environment_id.eq(self.scope.environment),
                    import_errors::row_number.eq(error.row_number),
                    import_errors::line.eq(error.line),
                    import_errors::field.eq(&error.field),
                    import_errors::words.eq(&error.words),
                )
            })
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        diesel::insert_into(import_errors::table)
            .values(rows)
            .on_conflict_do_nothing()
            .execute(self.connection)
            .await?;
        Ok(())
    }

    /// What was wrong with rows of an import, the first ones first.
    ///
    /// # Errors
    /// The query failed.
    pub async fn errors(&mut self, id: ImportId, limit: i64) -> Result<Vec<ImportErrorRow>, StoreError> {
        Ok(import_errors::table
            .filter(import_errors::tenant_id.eq(self.scope.tenant))
            .filter(import_errors::environment_id.eq(self.scope.environment))
            .filter(import_errors::import_id.eq(id))
            .order((import_errors::row_number, import_errors::field))
            .limit(limit)
            .select(ImportErrorRow::as_select())
            .load(self.connection)
            .await?)
    }

    /// The connection that is known by a key.
    ///
    /// # Errors
    /// The query failed.
    pub async fn known(&mut self, integration: IntegrationId, key: &str) -> Result<Option<Known>, StoreError> {
        let found: Option<(ConnectionId, Option<ImportId>, Option<i64>)> = connection_keys::table
            .filter(connection_keys::tenant_id.eq(self.scope.tenant))
            .filter(connection_keys::environment_id.eq(self.scope.environment))
            .filter(connection_keys::integration_id.eq(integration).and(connection_keys::key.eq(key)))
            .select((connection_keys::connection_id, connection_keys::import_id, connection_keys::row_number))
            .first(self.connection)
            .await
            .optional()?;
        Ok(found.map(|(connection, import, row)| Known { connection, row: import.zip(row) }))
    }

    /// A connection is known by a key from now on.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another connection is known by it.
    pub async fn know(
        &mut self,
        integration: IntegrationId,
        key: &RowKey,
        connection: ConnectionId,
    ) -> Result<(), StoreError> {
        diesel::insert_into(connection_keys::table)
            .values((
                connection_keys::integration_id.eq(integration),
                connection_keys::key.eq(&key.key),
                connection_keys::tenant_id.eq(self.scope.tenant),
                connection_keys::environment_id.eq(self.scope.environment),
                connection_keys::connection_id.eq(connection),
                connection_keys::import_id.eq(key.import),
                connection_keys::row_number.eq(key.row_number),
            ))
            .execute(self.connection)
            .await?;
        Ok(())
    }
}
