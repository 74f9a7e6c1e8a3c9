//! What is measured, and what it stands on: Postgres, the demo provider, and the server.

use std::{
    fs,
    io::Write,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use pg::{Cluster, Settings};

use crate::{
    Outcome,
    client::get,
    load::output,
    places::{self, Places},
    process::{Server, free_port},
    random, say,
};

/// The database that the server works in.
const DATABASE: &str = "patchbay";
/// How long a server may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that is running. Ends when this is dropped, the server first.
pub struct Stack<'a> {
    /// Where things are.
    pub places: &'a Places,
    /// Where the server is.
    pub origin: String,
    /// Opens the operator's API.
    pub operator: String,
    /// The provider's origin.
    pub acme: String,
    /// The file keyring.
    pub keyring: PathBuf,
    server: Option<Server>,
    _acme: Server,
    /// Postgres.
    pub postgres: Cluster,
}

impl<'a> Stack<'a> {
    /// Brings up all but the server, anew each time.
    pub fn start(places: &'a Places) -> Outcome<Self> {
        // As an installation has it that must not lose what it has confirmed.
        let settings = Settings { fresh: true, durable: true, ..Settings::default() };
        let postgres = Cluster::start(&places.postgres, &places.folder.join("pg"), &settings)
            .map_err(|error| format!("Postgres: {error}"))?;
        let keyring = places.folder.join("keyring");
        // The database is new, so nothing is sealed under the keys of an earlier run.
        let _ = fs::remove_file(&keyring);
        raise_limits(&places.plugins, &places.folder.join("plugins"))?;
        let port = free_port()?;
        let mut acme = Command::new(&places.acme);
        acme.args(["--port", &port.to_string(), "--orders", &places.records.to_string(), "--token-lifetime", "86400"]);
        let mut acme = Server::start(acme, &places.folder.join("acme.log"))?;
        wait_for_port(&mut acme, port, &places.folder.join("acme.log"))?;
        let stack = Self {
            places,
            origin: format!("http://127.0.0.1:{}", free_port()?),
            operator: random(),
            acme: format!("http://127.0.0.1:{port}"),
            keyring,
            server: None,
            _acme: acme,
            postgres,
        };
        stack.sql_in("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
        Ok(stack)
    }

    /// Starts the server, in the place of the one that runs; gives the time until it said that it is ready.
    pub fn start_server(&mut self) -> Outcome<Duration> {
        drop(self.server.take());
        let log = self.places.folder.join("server.log");
        let began = Instant::now();
        let mut server = Server::start(self.patchbay("serve"), &log)?;
        let ready = format!("{}/readyz", self.origin);
        while !get(ready.as_str()).send().is_ok_and(|answer| answer.status == 200) {
            if server.has_ended() || began.elapsed() > PATIENCE {
                return Err(format!("the server does not become ready: {}", tail(&places::read(&log)?)));
            }
            thread::sleep(Duration::from_millis(1));
        }
        let took = began.elapsed();
        self.server = Some(server);
        Ok(took)
    }

    /// The server's binary over all this, with one of its commands.
    pub fn patchbay(&self, command: &str) -> Command {
        let folder = &self.places.folder;
        let mut patchbay = Command::new(&self.places.patchbay);
        patchbay
            .arg(command)
            .current_dir(folder)
            .env("PATCHBAY_SERVER__BIND", self.origin.trim_start_matches("http://"))
            .env("PATCHBAY_SERVER__PUBLIC_URL", &self.origin)
            .env("PATCHBAY_DATABASE__URL", self.postgres.url(DATABASE))
            .env("PATCHBAY_KEYS__KIND", "file")
            .env("PATCHBAY_KEYS__FILE__PATH", &self.keyring)
            .env("PATCHBAY_OPERATOR__TOKEN", &self.operator)
            .env("PATCHBAY_PLUGINS__DIR", folder.join("plugins"))
            .env("PATCHBAY_PLUGINS__CACHE_DIR", folder.join("components"))
            .env("PATCHBAY_LIMITS__REQUESTS_PER_SECOND", "1000000")
            .env("PATCHBAY_EGRESS__ALLOW_RANGES", r#"["127.0.0.0/8"]"#)
            .env("PATCHBAY_EGRESS__ALLOW_HTTP", "true")
            // One tenant and one provider have all places here.
            .env("PATCHBAY_WORKER__TENANT_SHARE", "100")
            .env("PATCHBAY_WORKER__PARTY_SHARE", "100");
        patchbay
    }

    /// The running server's process.
    pub fn server(&self) -> Outcome<&Server> {
        self.server.as_ref().ok_or_else(|| "the server is not running".to_owned())
    }

    /// Where the server's database is.
    pub fn database(&self) -> String {
        self.postgres.url(DATABASE)
    }

    /// Runs SQL as the superuser and gives the rows as text, one per line, columns apart by `|`.
    pub fn sql(&self, query: &str) -> Outcome<String> {
        self.sql_in(DATABASE, query)
    }

    fn sql_in(&self, database: &str, query: &str) -> Outcome<String> {
        Ok(output(self.psql(database)?.args(["-c", query]))?.trim().to_owned())
    }

    /// Runs a script of `psql`, with its own commands and data in it.
    pub fn script(&self, script: &str) -> Outcome<String> {
        let mut psql = self.psql(DATABASE)?;
        let failed = |error: std::io::Error| format!("psql: {error}");
        psql.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = psql.spawn().map_err(failed)?;
        let stdin = child.stdin.take();
        let text = script.to_owned();
        let writer = thread::spawn(move || stdin.map_or(Ok(()), |mut stdin| stdin.write_all(text.as_bytes())));
        let output = child.wait_with_output().map_err(failed)?;
        if !output.status.success() {
            return Err(format!("psql: {}", String::from_utf8_lossy(&output.stderr)));
        }
        writer.join().map_err(|_| "psql: the writer ended")?.map_err(failed)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn psql(&self, database: &str) -> Outcome<Command> {
        let mut psql = Command::new(self.places.postgres_tool("psql")?);
        psql.args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-d", &self.postgres.url(database)]);
        Ok(psql)
    }

    /// What was measured where and how, in words.
    pub fn conditions(&self) -> String {
        let version = self.sql("SHOW server_version").unwrap_or_default();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        format!(
            "All on this machine with {cores} cores, load and servers alike; medians of {} rounds in turn, of {} for \
             ingest and feed. Postgres {version} as it is shipped, fsync on for both sides. Patchbay with its log as it is shipped (info, to a \
             file), rate limits raised; nginx with its access log as it is shipped. File keyring.",
            crate::ROUNDS,
            self.places.rounds
        )
    }
}

/// Copies the plugins and the whole catalogue, with rate limits of the plugin's provider that nobody runs into: what is
/// measured is the server, not a limit.
fn raise_limits(from: &Path, to: &Path) -> Outcome<()> {
    let failed = |error: std::io::Error| format!("{}: {error}", to.display());
    let _ = fs::remove_dir_all(to);
    let slug = Path::new("acme");
    fs::create_dir_all(to.join(slug)).map_err(failed)?;
    fs::copy(from.join(slug).join("plugin.wasm"), to.join(slug).join("plugin.wasm")).map_err(failed)?;
    let manifest = places::read(&from.join(slug).join("provider.toml"))?;
    places::write(&to.join(slug).join("provider.toml"), &raised(&manifest))?;
    let catalog = from.join("catalog");
    fs::create_dir_all(to.join("catalog")).map_err(failed)?;
    for entry in fs::read_dir(&catalog).map_err(|error| format!("{}: {error}", catalog.display()))? {
        let entry = entry.map_err(failed)?;
        fs::copy(entry.path(), to.join("catalog").join(entry.file_name())).map_err(failed)?;
    }
    Ok(())
}

fn raised(manifest: &str) -> String {
    let line = |line: &str| match line.split_once(" = ") {
        Some((name @ ("requests" | "per_integration"), _)) => format!("{name} = 1000000\n"),
        _ => format!("{line}\n"),
    };
    manifest.lines().map(line).collect()
}

/// Waits until somebody listens.
pub fn wait_for_port(server: &mut Server, port: u16, log: &Path) -> Outcome<()> {
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if server.has_ended() || began.elapsed() > PATIENCE {
            return Err(format!("nobody listens on port {port}: {}", tail(&places::read(log)?)));
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn tail(log: &str) -> &str {
    log.get(log.len().saturating_sub(2000)..).unwrap_or(log)
}

/// Says what is measured next.
pub fn announce(what: &str) {
    say(what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_raised_and_the_rest_stays() {
        let manifest = "[rate_limit]\nrequests = 200\nper_seconds = 1\nper_integration = 1000\n";
        let expected = "[rate_limit]\nrequests = 1000000\nper_seconds = 1\nper_integration = 1000000\n";
        assert_eq!(raised(manifest), expected);
    }
}
