//! Migrations, embedded.

use diesel_async::{AsyncConnection as _, AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection as _};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use crate::StoreError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../../migrations");

/// How a database stands against this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    /// Migrations that this program has and the database lacks, oldest first.
    pub pending: Vec<String>,
}

/// Applies what is pending, under a lock so that two nodes that start together do not both try. `url` must be of a role
/// that may create tables. Gives the names of what was applied.
///
/// # Errors
/// [`StoreError::Unavailable`], or a migration failed; each runs in a transaction of its own.
pub async fn migrate(url: &str) -> Result<Vec<String>, StoreError> {
    let mut connection = connect(url).await?;
    // Any number will do as long as every version uses the same.
    connection.batch_execute("SELECT pg_advisory_lock(7294613)").await?;
    with_harness(connection, |harness| {
        harness.run_pending_migrations(MIGRATIONS).map(|applied| applied.iter().map(ToString::to_string).collect())
    })
    .await
}

/// What is pending.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn migration_state(url: &str) -> Result<MigrationState, StoreError> {
    let connection = connect(url).await?;
    let pending = with_harness(connection, |harness| {
        harness.pending_migrations(MIGRATIONS).map(|pending| pending.iter().map(|one| one.name().to_string()).collect())
    })
    .await?;
    Ok(MigrationState { pending })
}

async fn connect(url: &str) -> Result<AsyncPgConnection, StoreError> {
    AsyncPgConnection::establish(url).await.map_err(|error| StoreError::Unavailable(error.to_string()))
}

async fn with_harness<T: Send + 'static>(
    connection: AsyncPgConnection,
    work: impl FnOnce(&mut AsyncMigrationHarness<AsyncPgConnection>) -> diesel::migration::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(move || {
        work(&mut AsyncMigrationHarness::new(connection)).map_err(|error| error.to_string())
    });
    done.await
        .map_err(|error| error.to_string())
        .and_then(|result| result)
        .map_err(|what| StoreError::Corrupt { table: "__diesel_schema_migrations", what })
}
