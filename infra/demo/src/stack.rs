//! What the demo runs on: Postgres, the key service, the provider and the server.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use acme::{Acme, Options};
use pg::{Binaries, Cluster, Settings};

use crate::{client::get, process::Server, random, say};

/// Names and values of environment variables.
type Environment = Vec<(&'static str, String)>;

/// Where things are.
pub struct Places {
    /// The repository.
    pub root: PathBuf,
    /// The server's binary.
    pub patchbay: PathBuf,
    /// The built plugins.
    pub plugins: PathBuf,
    /// A server of the Vault API, if one could be had.
    pub vault: Option<PathBuf>,
}

/// Everything that is running. Ends when this is dropped, the server first.
pub struct Stack {
    /// Where the server is.
    pub origin: String,
    /// Opens the operator's API.
    pub operator: String,
    /// The provider.
    pub acme: Acme,
    _server: Server,
    _vault: Option<Server>,
    _postgres: Cluster,
}

impl Stack {
    /// Brings everything up, anew each time, and says what is what.
    pub fn start(places: &Places) -> Result<Self, String> {
        let folder = places.root.join(".cache/demo");
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let binaries = Binaries::find(&places.root).ok_or("there is no Postgres: run `cargo dev setup`")?;
        let settings = Settings { fresh: true, ..Settings::default() };
        let postgres = Cluster::start(&binaries, &folder.join("pg"), &settings).map_err(|error| error.to_string())?;
        say(format_args!("Postgres       127.0.0.1:{} ({})", postgres.port(), binaries.folder().display()));

        let mut patchbay = Command::new(&places.patchbay);
        let vault = match &places.vault {
            Some(binary) => {
                let (vault, settings) = start_vault(places, binary, &folder)?;
                patchbay.envs(settings);
                Some(vault)
            }
            None => {
                let keyring = folder.join("keyring");
                // The database is new, so nothing is sealed under the keys of an earlier run.
                let _ = fs::remove_file(&keyring);
                patchbay.env("PATCHBAY_KEYS__KIND", "file").env("PATCHBAY_KEYS__FILE__PATH", &keyring);
                say(format_args!("Keys           a file keyring, since no server of the Vault API could be had"));
                None
            }
        };

        let acme = Acme::start(Options::default()).map_err(|error| format!("the demo provider: {error}"))?;
        say(format_args!("Demo provider  {}", acme.origin()));

        let operator = random();
        let port = free_port(1)?;
        let origin = format!("http://127.0.0.1:{port}");
        patchbay
            .arg("serve")
            .current_dir(&folder)
            .env("PATCHBAY_SERVER__BIND", format!("127.0.0.1:{port}"))
            .env("PATCHBAY_SERVER__PUBLIC_URL", &origin)
            .env("PATCHBAY_DATABASE__URL", postgres.url("postgres"))
            .env("PATCHBAY_OPERATOR__TOKEN", &operator)
            .env("PATCHBAY_PLUGINS__DIR", &places.plugins)
            .env("PATCHBAY_PLUGINS__CACHE_DIR", folder.join("plugins"))
            .env("PATCHBAY_EGRESS__ALLOW_RANGES", r#"["127.0.0.0/8"]"#)
            .env("PATCHBAY_EGRESS__ALLOW_HTTP", "true");
        let log = folder.join("server.log");
        let (server, ()) = Server::start(patchbay, &log, |line| line.starts_with("listening on ").then_some(()))
            .map_err(|why| format!("{why}\n{}", fs::read_to_string(&log).unwrap_or_default()))?;
        say(format_args!("Patchbay       {origin} (log: {})", log.display()));
        Ok(Self { origin, operator, acme, _server: server, _vault: vault, _postgres: postgres })
    }
}

/// Starts a server of the Vault API and prepares it the way an operator would: policies and an AppRole. Gives the
/// settings that Patchbay needs.
fn start_vault(places: &Places, binary: &Path, folder: &Path) -> Result<(Server, Environment), String> {
    let port = free_port(2)?;
    let (address, token) = (format!("http://127.0.0.1:{port}"), random());
    let mut command = Command::new(binary);
    forget_vault_settings(&mut command);
    command
        .args(["server", "-dev", "-dev-no-store-token"])
        .arg(format!("-dev-root-token-id={token}"))
        .arg(format!("-dev-listen-address=127.0.0.1:{port}"));
    let (server, ()) =
        Server::start(command, &folder.join("vault.log"), |line| line.contains("started!").then_some(()))?;
    let began = Instant::now();
    while !get(format!("{address}/v1/sys/health")).send().is_ok_and(|answer| answer.status == 200) {
        if began.elapsed() > Duration::from_secs(20) {
            return Err("the Vault-API server does not become healthy".to_owned());
        }
        thread::sleep(Duration::from_millis(50));
    }
    let mut setup = Command::new(places.root.join("infra/vault/setup"));
    forget_vault_settings(&mut setup);
    let output = setup
        .arg(binary)
        .env("VAULT_ADDR", &address)
        .env("VAULT_TOKEN", &token)
        .output()
        .map_err(|error| format!("infra/vault/setup: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = |name: &str| {
        let found = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        let complained = || format!("infra/vault/setup failed: {}", String::from_utf8_lossy(&output.stderr));
        found.map(str::to_owned).ok_or_else(complained)
    };
    let settings = vec![
        ("PATCHBAY_KEYS__KIND", "vault".to_owned()),
        ("PATCHBAY_KEYS__VAULT__ADDRESS", address.clone()),
        ("PATCHBAY_KEYS__VAULT__ROLE_ID", value("role_id")?),
        ("PATCHBAY_KEYS__VAULT__SECRET_ID", value("secret_id")?),
    ];
    let version = Command::new(binary).arg("version").output().map(|output| output.stdout).unwrap_or_default();
    let version = String::from_utf8_lossy(&version).lines().next().unwrap_or_default().to_owned();
    say(format_args!("Keys           {address}, a real server of the Vault API: {version}"));
    Ok((server, settings))
}

/// What this machine says about another Vault is not meant for ours.
fn forget_vault_settings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ["VAULT_", "BAO_"].iter().any(|prefix| text.starts_with(prefix))
            || text.to_ascii_lowercase().ends_with("_proxy")
        {
            command.env_remove(&name);
        }
    }
}

/// A port that was free a moment ago, with `count - 1` free ones behind it.
fn free_port(count: u16) -> Result<u16, String> {
    let taken = |error: std::io::Error| format!("no free port: {error}");
    let mut last = String::new();
    for _ in 0..20 {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(taken)?;
        let port = first.local_addr().map_err(taken)?.port();
        let rest = (1..count).map(|further| TcpListener::bind((Ipv4Addr::LOCALHOST, port.saturating_add(further))));
        match rest.collect::<Result<Vec<_>, _>>() {
            Ok(_) => return Ok(port),
            Err(error) => last = taken(error),
        }
    }
    Err(last)
}
