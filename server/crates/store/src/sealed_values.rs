//! Every column that holds sealed values, and sealing them anew: read a few, and put the new ones in place of exactly what
//! was read. Whatever else wrote meanwhile wins.

use diesel::sql_types::{Array, BigInt, Binary, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::Scope;
use ids::DataKeyId;
use uuid::Uuid;

use crate::{StoreError, Tx};

/// A column of sealed values. Each begins with a byte for its version and the data key's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SealedColumn {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The column with the row's id, to which values are bound.
    pub row: &'static str,
}

/// All of them. A test holds this list against the database's columns of bytes.
pub const SEALED_COLUMNS: &[SealedColumn] = &[
    SealedColumn { table: "credentials", column: "sealed", row: "connection_id" },
    SealedColumn { table: "integrations", column: "client_secret", row: "integration_id" },
    SealedColumn { table: "integrations", column: "secrets", row: "integration_id" },
    SealedColumn { table: "endpoints", column: "secret", row: "endpoint_id" },
    SealedColumn { table: "connect_attempts", column: "kept", row: "attempt_id" },
    SealedColumn { table: "installs", column: "kept", row: "install_id" },
    SealedColumn { table: "action_runs", column: "input", row: "action_run_id" },
    SealedColumn { table: "action_runs", column: "output", row: "action_run_id" },
    SealedColumn { table: "record_keys", column: "sealed", row: "sync_id" },
    SealedColumn { table: "hooks", column: "token", row: "hook_id" },
    SealedColumn { table: "hooks", column: "secret", row: "hook_id" },
    SealedColumn { table: "inbound_deliveries", column: "kept", row: "inbound_id" },
];

/// A sealed value as it lies there.
#[derive(Debug, Clone, PartialEq, Eq, diesel::QueryableByName)]
pub struct SealedValue {
    /// The row.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The bytes.
    #[diesel(sql_type = Binary)]
    pub sealed: Vec<u8>,
}

/// A value to put in the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resealed {
    /// The row.
    pub row: Uuid,
    /// What was read there.
    pub old: Vec<u8>,
    /// What shall lie there.
    pub new: Vec<u8>,
}

/// How many values of a column lie under a data key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCount {
    /// The column.
    pub column: SealedColumn,
    /// The data key that they name; nil where the bytes are too short to name one.
    pub data_key: DataKeyId,
    /// How many.
    pub values: u64,
}

#[derive(diesel::QueryableByName)]
struct CountColumns {
    #[diesel(sql_type = Binary)]
    data_key: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    values: i64,
}

/// The sealed values of one environment.
pub struct SealedValues<'t> {
    tx: &'t mut Tx<Scope>,
}

impl Tx<Scope> {
    /// The sealed values of this environment.
    pub fn sealed_values(&mut self) -> SealedValues<'_> {
        SealedValues { tx: self }
    }
}

impl SealedValues<'_> {
    /// How many values there are, by column and data key.
    ///
    /// # Errors
    /// A query failed.
    pub async fn count(&mut self) -> Result<Vec<SealedCount>, StoreError> {
        let Scope { tenant, environment } = self.tx.scope();
        let mut counts = Vec::new();
        for column in SEALED_COLUMNS {
            let SealedColumn { table, column: name, .. } = column;
            // The texts are constants of ours.
            let rows: Vec<CountColumns> = diesel::sql_query(format!(
                "SELECT substring({name} from 2 for 16) AS data_key, count(*) AS values FROM {table} \
                 WHERE tenant_id = $1 AND environment_id = $2 AND {name} IS NOT NULL GROUP BY 1"
            ))
            .bind::<SqlUuid, _>(tenant)
            .bind::<SqlUuid, _>(environment)
            .load(self.tx.connection())
            .await?;
            counts.extend(rows.into_iter().map(|row| SealedCount {
                column: *column,
                data_key: DataKeyId::from_uuid(Uuid::from_slice(&row.data_key).unwrap_or_default()),
                values: u64::try_from(row.values).unwrap_or_default(),
            }));
        }
        Ok(counts)
    }

    /// Values of a column that lie under none of these data keys, in the order of their rows' ids, after one of those.
    ///
    /// # Errors
    /// The query failed.
    pub async fn not_under(
        &mut self,
        column: SealedColumn,
        keys: &[DataKeyId],
        after: Uuid,
        limit: u32,
    ) -> Result<Vec<SealedValue>, StoreError> {
        let Scope { tenant, environment } = self.tx.scope();
        let SealedColumn { table, column: name, row } = column;
        let rows = diesel::sql_query(format!(
            "SELECT {row} AS id, {name} AS sealed FROM {table} WHERE tenant_id = $1 AND environment_id = $2 \
             AND {row} > $3 AND {name} IS NOT NULL AND substring({name} from 2 for 16) <> ALL ($4) ORDER BY {row} LIMIT $5"
        ))
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(environment)
        .bind::<SqlUuid, _>(after)
        .bind::<Array<Binary>, _>(keys.iter().map(|key| key.uuid().as_bytes().to_vec()).collect::<Vec<_>>())
        .bind::<BigInt, _>(i64::from(limit))
        .load(self.tx.connection())
        .await?;
        Ok(rows)
    }

    /// Puts values in place of exactly those that were read. Gives how many were; the others have changed since, or are
    /// gone, and need nothing.
    ///
    /// # Errors
    /// The update failed; no value was changed.
    pub async fn swap(&mut self, column: SealedColumn, values: Vec<Resealed>) -> Result<usize, StoreError> {
        let Scope { tenant, environment } = self.tx.scope();
        let SealedColumn { table, column: name, row } = column;
        let (mut rows, mut old, mut new) = (Vec::new(), Vec::new(), Vec::new());
        for value in values {
            rows.push(value.row);
            old.push(value.old);
            new.push(value.new);
        }
        let swapped = diesel::sql_query(format!(
            "UPDATE {table} AS place SET {name} = value.new \
             FROM unnest($3, $4, $5) AS value(row, old, new) \
             WHERE place.tenant_id = $1 AND place.environment_id = $2 AND place.{row} = value.row \
             AND place.{name} = value.old"
        ))
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(environment)
        .bind::<Array<SqlUuid>, _>(rows)
        .bind::<Array<Binary>, _>(old)
        .bind::<Array<Binary>, _>(new)
        .execute(self.tx.connection())
        .await?;
        Ok(swapped)
    }
}
