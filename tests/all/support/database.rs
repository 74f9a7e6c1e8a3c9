//! One Postgres for all tests, and a database for each: a clone of one that was migrated once.

use std::{
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use pg::{Binaries, Cluster, Settings};
use tokio::sync::OnceCell;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::paths::{self, root};

/// A database of one test. It is dropped with this.
pub struct Database {
    name: String,
}

impl Database {
    /// A fresh one with all tables.
    pub async fn clone_template() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let template = template().await;
        let name = format!("patchbay_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        run(&url("postgres"), &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        Self { name }
    }

    /// An empty one.
    pub async fn empty() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("patchbay_empty_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        run(&url("postgres"), &format!("CREATE DATABASE {name}")).await;
        Self { name }
    }

    /// What a dump holds, in one of its own.
    pub async fn restored(dump: &str) -> Self {
        let database = Self::empty().await;
        let binary = Binaries::find(&root()).map(|found| found.path("psql")).filter(|path| path.is_file());
        let binary = binary.or_else(|| paths::on_path("psql")).expect("there is no psql");
        let file = paths::scratch().join(format!("{}.sql", database.name));
        std::fs::write(&file, dump).unwrap();
        let mut psql = tokio::process::Command::new(binary);
        let output =
            psql.args(["-qXv", "ON_ERROR_STOP=1", "-f"]).arg(&file).arg(database.url()).output().await.unwrap();
        std::fs::remove_file(&file).unwrap();
        assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        database
    }

    /// How to reach it, as the superuser.
    pub fn url(&self) -> String {
        url(&self.name)
    }

    /// How to reach it through another port of this machine.
    pub fn url_at_port(&self, port: u16) -> String {
        let mut url: url::Url = self.url().parse().unwrap();
        url.set_port(Some(port)).unwrap();
        url.to_string()
    }

    /// Where its server listens.
    pub fn address(&self) -> std::net::SocketAddr {
        let url: url::Url = self.url().parse().unwrap();
        url.socket_addrs(|| Some(5432)).unwrap()[0]
    }

    /// Rows of a query, everything as text, past all walls.
    pub async fn sql(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        run(&self.url(), sql).await
    }

    /// Everything in it, as `pg_dump` writes it.
    pub async fn dump(&self) -> String {
        let binary = Binaries::find(&root()).map(|found| found.path("pg_dump")).filter(|path| path.is_file());
        let binary = binary.or_else(|| paths::on_path("pg_dump")).expect("there is no pg_dump");
        let output = tokio::process::Command::new(binary).arg(self.url()).output().await.unwrap();
        assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A thread of its own, because this runs within a runtime that must not be blocked on itself.
        let dropped = std::thread::spawn(move || block_on(async move { try_run(&url("postgres"), &sql).await }));
        if let Ok(Err(error)) = dropped.join() {
            eprintln!("a test's database stays: {error}");
        }
    }
}

/// The connection string of a database of the shared server.
fn url(database: &str) -> String {
    let mut url: url::Url = server().parse().unwrap();
    url.set_path(database);
    url.to_string()
}

fn server() -> &'static str {
    static SERVER: OnceLock<String> = OnceLock::new();
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    SERVER.get_or_init(|| match std::env::var("PATCHBAY_TEST_DATABASE_URL") {
        Ok(url) if !url.is_empty() => url,
        _ => {
            let binaries = Binaries::find(&root()).expect("there is no Postgres: run `cargo dev setup`");
            let settings = Settings { durable: false, fresh: true, connections: 400, extra: Vec::new() };
            let folder = Path::new(".cache/tests/pg-alone");
            // It ends with this process, as the library promises.
            CLUSTER.get_or_init(|| Cluster::start(&binaries, &root().join(folder), &settings).unwrap()).url("postgres")
        }
    })
}

/// The migrated database that tests' databases are clones of.
async fn template() -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let name = format!("patchbay_template_{}", std::process::id());
            run(&url("postgres"), &format!("CREATE DATABASE {name}")).await;
            store::migrate(&url(&name)).await.unwrap();
            // The last session may linger for a moment, and nobody may be connected to a template that is cloned.
            run(
                &url("postgres"),
                &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
            )
            .await;
            run(&url("postgres"), &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
            name
        })
        .await
}

async fn run(url: &str, sql: &str) -> Vec<Vec<Option<String>>> {
    try_run(url, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

async fn try_run(url: &str, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
    let said = |error: tokio_postgres::Error| match error.as_db_error() {
        Some(error) => error.to_string(),
        None => error.to_string(),
    };
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(said)?;
    let driving = tokio::spawn(connection);
    let messages = client.simple_query(sql).await.map_err(said)?;
    drop(client);
    let _ = driving.await;
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect()),
        _ => None,
    });
    Ok(rows.collect())
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
