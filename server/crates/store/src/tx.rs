//! Transactions, each with the scope that it was begun for.

use diesel_async::pooled_connection::deadpool;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager as _};
use domain::Scope;
use ids::TenantId;

use crate::{StoreConfig, StoreError, bell::Bell, pool};

/// The scope of work that no single tenant asked for: finding whom a key or a token belongs to, claiming jobs.
#[derive(Debug, Clone, Copy)]
pub struct System;

/// Handle to Postgres; cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: pool::Pool,
    url: std::sync::Arc<str>,
    bell: std::sync::Arc<Bell>,
}

/// A transaction in a scope: [`Scope`] for one environment, [`TenantId`] for what a tenant has beside environments,
/// [`System`] for the rest. Dropped without [`Tx::commit`] it is rolled back, by closing its connection.
pub struct Tx<S> {
    connection: deadpool::Object<AsyncPgConnection>,
    scope: S,
    bell: std::sync::Arc<Bell>,
    has_new_jobs: bool,
}

impl Store {
    /// A store over a pool. Connections are made when first needed.
    ///
    /// # Errors
    /// The configuration is not usable.
    pub fn new(config: &StoreConfig) -> Result<Self, StoreError> {
        let pool = pool::build(config)?;
        Ok(Self { bell: Bell::new(pool.clone()), pool, url: config.url.as_str().into() })
    }

    /// Begins a transaction that sees one environment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if no connection is to be had in time.
    pub async fn begin(&self, scope: Scope) -> Result<Tx<Scope>, StoreError> {
        let sql = format!(
            "BEGIN; SET LOCAL patchbay.tenant = '{}'; SET LOCAL patchbay.environment = '{}'",
            scope.tenant.uuid(),
            scope.environment.uuid()
        );
        self.open(&sql, scope).await
    }

    /// Begins a transaction that sees what belongs to a tenant as a whole: environments, members, audit.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if no connection is to be had in time.
    pub async fn begin_tenant(&self, tenant: TenantId) -> Result<Tx<TenantId>, StoreError> {
        self.open(&format!("BEGIN; SET LOCAL patchbay.tenant = '{}'", tenant.uuid()), tenant).await
    }

    /// Begins a transaction that sees everything. Few callers have reason to.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if no connection is to be had in time.
    pub async fn begin_system(&self) -> Result<Tx<System>, StoreError> {
        self.open("BEGIN; SET LOCAL patchbay.system = 'on'", System).await
    }

    /// Whether Postgres answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.begin_system().await?.commit().await
    }

    /// Where Postgres is, for the listener and for migrations.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    async fn open<S>(&self, begin: &str, scope: S) -> Result<Tx<S>, StoreError> {
        let mut connection = self.pool.get().await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        AnsiTransactionManager::begin_transaction_sql(&mut *connection, begin).await?;
        Ok(Tx { connection, scope, bell: std::sync::Arc::clone(&self.bell), has_new_jobs: false })
    }
}

impl<S> Tx<S> {
    /// Commits everything that was done in it.
    ///
    /// # Errors
    /// The commit failed; nothing was done, or, where the connection was lost, it is not known.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        AnsiTransactionManager::commit_transaction(&mut *self.connection).await?;
        if self.has_new_jobs {
            self.bell.ring();
        }
        Ok(())
    }

    /// Says that workers are to be woken once this is committed.
    pub(crate) fn wake_workers(&mut self) {
        self.has_new_jobs = true;
    }

    /// The connection, for repositories.
    pub(crate) fn connection(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection
    }
}

impl<S: Copy> Tx<S> {
    /// The scope it was begun for.
    pub fn scope(&self) -> S {
        self.scope
    }
}
