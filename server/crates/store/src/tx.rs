//! Transactions, each with the scope that it was begun for.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use diesel_async::pooled_connection::deadpool;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager as _};
use domain::{Scope, reach::Reach};
use ids::TenantId;
use tokio::{runtime::Handle, time::timeout};

use crate::{StoreConfig, StoreError, bell::Bell, pool};

/// The scope of work that no single tenant asked for: finding whom a key or a token belongs to, claiming jobs.
#[derive(Debug, Clone, Copy)]
pub struct System;

/// Handle to Postgres; cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: pool::Pool,
    url: Arc<str>,
    bell: Arc<Bell>,
    reach: Option<Bound>,
}

/// A reach, and how a transaction is told of it.
#[derive(Clone)]
struct Bound {
    reach: Arc<Reach>,
    words: Arc<str>,
}

/// The role of transactions that are begun within a reach. The migrations make it, and put the wall up.
const BOUND_ROLE: &str = "patchbay_bound";

/// How long a connection is waited for that rolls back. One whose last query was given up answers that one before.
const ROLLING_BACK: Duration = Duration::from_secs(1);

type Connection = deadpool::Object<AsyncPgConnection>;

/// A transaction in a scope: [`Scope`] for one environment, [`TenantId`] for what a tenant has beside environments,
/// [`System`] for the rest. Dropped without [`Tx::commit`] it is rolled back, at once and beside the caller's work: a
/// connection that went back to the pool as it is would keep its locks until somebody takes it.
pub struct Tx<S> {
    /// There until the end.
    connection: Option<Connection>,
    /// Whether BEGIN or COMMIT has no answer yet, so that nobody knows whether a transaction is open.
    is_between: bool,
    scope: S,
    bell: Arc<Bell>,
    has_new_jobs: bool,
}

impl Store {
    /// A store over a pool. Connections are made when first needed.
    ///
    /// # Errors
    /// The configuration is not usable.
    pub fn new(config: &StoreConfig) -> Result<Self, StoreError> {
        let pool = pool::build(config)?;
        Ok(Self { bell: Bell::new(pool.clone()), pool, url: config.url.as_str().into(), reach: None })
    }

    /// The same store within a reach: a transaction that sees one environment sees of it only what lies in the reach, and
    /// Postgres sees to that, whatever is asked. What is begun for a tenant as a whole or for the system is not bound.
    #[must_use]
    pub fn within(&self, reach: Arc<Reach>) -> Self {
        let words = words(&reach).into();
        Self { reach: Some(Bound { reach, words }), ..self.clone() }
    }

    /// What it is bound to; `None` for all of the environment.
    #[must_use]
    pub fn reach(&self) -> Option<&Reach> {
        self.reach.as_ref().map(|bound| bound.reach.as_ref())
    }

    /// Begins a transaction that sees one environment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if no connection is to be had in time.
    pub async fn begin(&self, scope: Scope) -> Result<Tx<Scope>, StoreError> {
        self.begin_as("BEGIN", scope).await
    }

    /// The same for reading alone, and everything as it is now, however long it takes. If nothing is asked for a minute
    /// Postgres breaks it off: as long as it lasts nothing that is overwritten anywhere is cleaned up.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if no connection is to be had in time.
    pub async fn begin_snapshot(&self, scope: Scope) -> Result<Tx<Scope>, StoreError> {
        let begin =
            "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 60000";
        self.begin_as(begin, scope).await
    }

    async fn begin_as(&self, begin: &str, scope: Scope) -> Result<Tx<Scope>, StoreError> {
        let sql = format!(
            "{begin}; SET LOCAL patchbay.tenant = '{}'; SET LOCAL patchbay.environment = '{}'{}",
            scope.tenant.uuid(),
            scope.environment.uuid(),
            self.reach.as_ref().map_or("", |bound| &bound.words)
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
        let connection = self.pool.get().await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let bell = Arc::clone(&self.bell);
        let mut tx = Tx { connection: Some(connection), is_between: true, scope, bell, has_new_jobs: false };
        AnsiTransactionManager::begin_transaction_sql(tx.connection(), begin).await?;
        tx.is_between = false;
        Ok(tx)
    }
}

/// The statements that bind a transaction.
fn words(reach: &Reach) -> String {
    let list = |ids: Vec<uuid::Uuid>| match ids.as_slice() {
        [] => "*".to_owned(),
        ids => format!("{{{}}}", ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
    };
    let tags: Vec<_> = reach.tags.iter().map(|tag| serde_json::json!({ tag.name.as_str(): tag.value })).collect();
    let tags = if tags.is_empty() { "*".to_owned() } else { serde_json::Value::from(tags).to_string() };
    let mut words = format!("; SET LOCAL ROLE {BOUND_ROLE}");
    for (name, value) in [
        ("integrations", list(reach.integrations.iter().map(|id| id.uuid()).collect())),
        ("connections", list(reach.connections.iter().map(|id| id.uuid()).collect())),
        ("tags", tags),
    ] {
        // Standard strings: a quote is doubled, and nothing else means anything.
        let _ = write!(words, "; SET LOCAL patchbay.reach_{name} = '{}'", value.replace('\'', "''"));
    }
    words
}

impl<S> Tx<S> {
    /// Commits everything that was done in it.
    ///
    /// # Errors
    /// The commit failed; nothing was done, or, where the connection was lost, it is not known.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.is_between = true;
        AnsiTransactionManager::commit_transaction(self.connection()).await?;
        // Back to the pool.
        self.connection = None;
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
    #[expect(clippy::expect_used, reason = "taken away at the end alone, by those who own the transaction")]
    pub(crate) fn connection(&mut self) -> &mut AsyncPgConnection {
        self.connection.as_mut().expect("a transaction that has ended")
    }
}

impl<S> Drop for Tx<S> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        match Handle::try_current() {
            Ok(runtime) if !self.is_between => drop(runtime.spawn(roll_back(connection))),
            _ => close(connection),
        }
    }
}

/// Rolls back what is open, so that the connection can be used again; if that fails it is closed.
async fn roll_back(mut connection: Connection) {
    let rolling_back = AnsiTransactionManager::rollback_transaction(&mut *connection);
    let is_done = matches!(timeout(ROLLING_BACK, rolling_back).await, Ok(Ok(())));
    if !is_done {
        close(connection);
    }
}

/// Takes a connection out of the pool and closes it. Postgres rolls back what is open in it.
fn close(connection: Connection) {
    drop(Connection::take(connection));
}

impl<S: Copy> Tx<S> {
    /// The scope it was begun for.
    pub fn scope(&self) -> S {
        self.scope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_2_a_tag_cannot_end_the_statement_that_it_stands_in() {
        let tag = "it's=a'; SET LOCAL ROLE postgres; --".parse().unwrap();
        let words = words(&Reach { tags: vec![tag], ..Reach::default() });
        let start = "; SET LOCAL ROLE patchbay_bound; SET LOCAL patchbay.reach_integrations = '*'; \
            SET LOCAL patchbay.reach_connections = '*'; SET LOCAL patchbay.reach_tags = '";
        assert_eq!(words, format!(r#"{start}[{{"it''s":"a''; SET LOCAL ROLE postgres; --"}}]'"#));
    }
}
