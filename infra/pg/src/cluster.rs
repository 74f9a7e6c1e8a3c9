//! A cluster: a folder of data and a server process on it.

use std::{
    fs::{self, File},
    io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::mpsc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    Binaries,
    user::{User, run},
};

/// How long a server may take until it answers, recovery after a crash included.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a cluster is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether commits reach the disk before they are confirmed. Tests do without: nobody reads their data after a
    /// power cut.
    pub durable: bool,
    /// Whether what an earlier run left is thrown away.
    pub fresh: bool,
    /// Connections at most.
    pub connections: u16,
    /// Further `name=value` settings.
    pub extra: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { durable: true, fresh: false, connections: 200, extra: Vec::new() }
    }
}

/// A running Postgres on 127.0.0.1. It stops when this is dropped, and also when this process is killed, where the
/// system can do that. Anyone on this machine may connect to it without a password: it is for demos and tests.
#[derive(Debug)]
pub struct Cluster {
    port: u16,
    data: PathBuf,
    binaries: Binaries,
    user: User,
    keeper: Option<JoinHandle<()>>,
    /// Held for as long as the folder is in use; the system lets go of it when this process ends.
    _lock: File,
}

/// Clusters that may run at the same time in one folder.
const SLOTS: u8 = 16;

impl Cluster {
    /// Starts a cluster in `folder`, which is made if it is not there. What an earlier run left is gone on with, unless
    /// the settings say otherwise; a server that it left running is stopped first. If the folder's cluster is in use by
    /// another process, a further one beside it is taken.
    ///
    /// # Errors
    /// If the folder cannot be used or the server does not start; the error says what the server said.
    pub fn start(binaries: &Binaries, folder: &Path, settings: &Settings) -> io::Result<Self> {
        let user = User::choose();
        let (folder, lock) = free_slot(&std::path::absolute(folder)?)?;
        let folder = user.own_folder(&folder)?;
        let data = folder.join("data");
        if data.join("postmaster.pid").exists() {
            // It may be from a server that is long gone; then there is nothing to stop.
            let _ = stop(binaries, &user, &data);
        }
        if settings.fresh || !data.join("PG_VERSION").exists() {
            let mut initdb = user.command(&binaries.path("initdb"), false);
            initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions"]);
            initdb.arg("--no-sync").arg("-D").arg(&data).current_dir(&folder);
            // `initdb` refuses a folder that is there, as an interrupted one leaves it.
            let _ = fs::remove_dir_all(&data);
            run(&mut initdb)?;
        }
        let mut last = io::Error::other("no free port");
        for _ in 0..3 {
            // Somebody else may take the port between our look and the server's start; then the next one is tried.
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            match Self::run(binaries, &user, &data, port, settings) {
                Ok(keeper) => {
                    let (binaries, data) = (binaries.clone(), data.clone());
                    return Ok(Self { port, data, binaries, user, keeper: Some(keeper), _lock: lock });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The connection string of a database, as the superuser `postgres`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts the server from a thread that lives as long as it does, because the system ends it with the thread that
    /// started it.
    fn run(
        binaries: &Binaries,
        user: &User,
        data: &Path,
        port: u16,
        settings: &Settings,
    ) -> io::Result<JoinHandle<()>> {
        let mut command = user.command(&binaries.path("postgres"), true);
        command.arg("-D").arg(data).arg("-p").arg(port.to_string());
        let connections = settings.connections.to_string();
        let mut options = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            format!("max_connections={connections}"),
            "max_prepared_transactions=0".to_owned(),
        ];
        if !settings.durable {
            options.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(str::to_owned));
        }
        options.extend(settings.extra.iter().cloned());
        for option in options {
            command.arg("-c").arg(option);
        }
        let log = data.join("server.log");
        command.current_dir(data).stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
        let (tell, told) = mpsc::channel();
        let (pid_file, log_file) = (data.join("postmaster.pid"), log);
        let keeper = thread::Builder::new().name("postgres".to_owned()).spawn(move || {
            let ready = command.spawn().and_then(|mut child| {
                let ready = wait_until_ready(&mut child, &pid_file, port, &log_file);
                ready.map(|()| child)
            });
            match ready {
                Ok(mut child) => {
                    let _ = tell.send(Ok(()));
                    let _ = child.wait();
                }
                Err(error) => {
                    let _ = tell.send(Err(error));
                }
            }
        })?;
        told.recv().map_err(|_| io::Error::other("the thread that starts Postgres ended"))??;
        Ok(keeper)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nothing more can be done if it does not work; the keeper's end takes the server along.
        let stopped = stop(&self.binaries, &self.user, &self.data);
        if let (Ok(()), Some(keeper)) = (stopped, self.keeper.take()) {
            let _ = keeper.join();
        }
    }
}

/// The first slot of a folder that no other process uses, and the lock on it.
fn free_slot(folder: &Path) -> io::Result<(PathBuf, File)> {
    fs::create_dir_all(folder)?;
    for slot in 0..SLOTS {
        let lock = File::create(folder.join(format!("{slot}.lock")))?;
        if lock.try_lock().is_ok() {
            return Ok((folder.join(slot.to_string()), lock));
        }
    }
    Err(io::Error::other(format!("{SLOTS} clusters are running in {} already", folder.display())))
}

fn stop(binaries: &Binaries, user: &User, data: &Path) -> io::Result<()> {
    let mut command = user.command(&binaries.path("pg_ctl"), false);
    run(command.args(["stop", "-w", "-m", "fast", "-t", "20", "-D"]).arg(data).current_dir(data))
}

/// The server writes its state to the eighth line of its pid file, the port to the fourth.
fn wait_until_ready(child: &mut Child, pid_file: &Path, port: u16, log: &Path) -> io::Result<()> {
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(pid_file).unwrap_or_default();
        let mut lines = text.lines().map(str::trim);
        if lines.nth(3) == Some(port.to_string().as_str()) && lines.nth(3) == Some("ready") {
            return Ok(());
        }
        let ended = child.try_wait()?;
        if ended.is_some() || began.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            let words = fs::read_to_string(log).unwrap_or_default();
            return Err(io::Error::other(format!("Postgres did not start: {}", words.trim())));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_starts_stops_and_keeps_its_data() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let binaries = Binaries::find(root).expect("a Postgres: run `cargo dev setup`");
        let folder = root.join(format!(".cache/pg-test-{}", std::process::id()));
        let settings = Settings { durable: false, ..Settings::default() };
        let cluster = Cluster::start(&binaries, &folder, &settings).unwrap();
        let system = |cluster: &Cluster| fs::read(cluster.data.join("global/pg_control")).unwrap()[..8].to_vec();
        let (first, port) = (system(&cluster), cluster.port());
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        drop(cluster);
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "it stopped");
        let again = Cluster::start(&binaries, &folder, &settings).unwrap();
        assert_eq!(system(&again), first, "the same cluster, by its system identifier");
        let beside = Cluster::start(&binaries, &folder, &settings).unwrap();
        assert_ne!(system(&beside), first, "one that is in use is left alone");
        drop(again);
        let fresh = Cluster::start(&binaries, &folder, &Settings { fresh: true, ..settings }).unwrap();
        assert_ne!(system(&fresh), first, "what was there is thrown away when asked");
        drop((beside, fresh));
        fs::remove_dir_all(&folder).unwrap();
    }
}
