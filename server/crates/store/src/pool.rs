//! Connections to Postgres, pooled.

use std::time::Duration;

use diesel::ConnectionError;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use futures_util::FutureExt as _;
use serde::Deserialize;

use crate::StoreError;

pub(crate) type Pool = deadpool::Pool<AsyncPgConnection>;

/// How Postgres is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// `postgres://user@host:port/database`.
    pub url: String,
    /// The most connections held open.
    pub max_connections: usize,
    /// Milliseconds to wait for a free or new connection before giving up with "not available".
    pub wait_ms: u64,
    /// The role taken on in every connection; it owns nothing, so row-level security holds for it.
    pub role: String,
}

pub(crate) fn build(config: &StoreConfig) -> Result<Pool, StoreError> {
    let role = config.role.clone();
    if role.is_empty() || !role.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(StoreError::Unavailable(format!("database.role `{role}` is no role name")));
    }
    let mut manager = ManagerConfig::default();
    manager.recycling_method = RecyclingMethod::Fast;
    manager.custom_setup = Box::new(move |url| {
        let role = role.clone();
        async move {
            let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
                .await
                .map_err(|error| ConnectionError::BadConnection(describe(&error)))?;
            let mut connection = AsyncPgConnection::try_from_client_and_connection(client, connection).await?;
            connection
                .batch_execute(&format!("SET ROLE {role}; SET jit = off"))
                .await
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
            Ok(connection)
        }
        .boxed()
    });
    let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new_with_config(&config.url, manager);
    let wait = Some(Duration::from_millis(config.wait_ms));
    Pool::builder(manager)
        .max_size(config.max_connections)
        // The one used last has its statements prepared and its caches warm.
        .queue_mode(::deadpool::managed::QueueMode::Lifo)
        .wait_timeout(wait)
        .create_timeout(wait)
        .recycle_timeout(wait)
        .runtime(::deadpool::Runtime::Tokio1)
        .build()
        .map_err(|error| StoreError::Unavailable(error.to_string()))
}

/// The error with its cause, since tokio-postgres keeps the cause to itself. It never contains the URL.
pub(crate) fn describe(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
