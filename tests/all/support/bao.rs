//! A real server of the Vault API, in memory, prepared by the script that operators use.

use std::{
    fs::File,
    net::TcpListener,
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use http::Method;
use url::Url;

use super::{
    Answer, Child,
    callers::Caller,
    children::spawn,
    paths::{from_environment, root, scratch},
};

const ROOT: &str = "root-of-the-tests";

/// A running server. It ends with this.
pub struct Bao {
    _process: Child,
    address: Url,
    unseal_key: String,
    role_id: String,
    secret_id: String,
    rotator_role_id: String,
    rotator_secret_id: String,
}

impl Bao {
    /// One for all tests that leave it as it was. It ends with this process.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceLock<Bao> = OnceLock::new();
        tokio::task::spawn_blocking(|| SHARED.get_or_init(Self::start_blocking)).await.unwrap()
    }

    /// One of one's own.
    pub async fn start() -> Self {
        tokio::task::spawn_blocking(Self::start_blocking).await.unwrap()
    }

    fn start_blocking() -> Self {
        // Another process can take a port between our look and the server's bind, so it may need a second try.
        (0..3).find_map(|_| Self::try_start()).expect("the server of the Vault API does not start")
    }

    fn try_start() -> Option<Self> {
        let port = free_pair();
        let address: Url = format!("http://127.0.0.1:{port}").parse().unwrap();
        let home = scratch().join(format!("bao-{port}"));
        std::fs::create_dir_all(&home).unwrap();
        let mut command = Command::new(binary());
        command
            .args(["server", "-dev", "-dev-no-store-token"])
            .arg(format!("-dev-root-token-id={ROOT}"))
            .arg(format!("-dev-listen-address=127.0.0.1:{port}"));
        clean(&mut command).env("HOME", &home);
        let log = File::create(home.join("log")).unwrap();
        let mut process = spawn(command, Stdio::from(log)).unwrap();
        let unseal_key = process.try_wait_for_line("Unseal Key:", Duration::from_secs(20))?;
        process.try_wait_for_line("Development mode", Duration::from_secs(20))?;
        let mut setup = Command::new(root().join("infra/vault/setup"));
        setup.arg(binary()).env("HOME", &home);
        clean(&mut setup).env("VAULT_ADDR", address.as_str()).env("VAULT_TOKEN", ROOT);
        // Some tests have the server seal values in the transit engine itself.
        setup.env("PATCHBAY_DIRECT", "yes");
        let output = setup.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "infra/vault/setup: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        Some(Self {
            _process: process,
            address,
            unseal_key,
            role_id: value("role_id="),
            secret_id: value("secret_id="),
            rotator_role_id: value("rotator_role_id="),
            rotator_secret_id: value("rotator_secret_id="),
        })
    }

    /// Its origin.
    pub fn address(&self) -> &Url {
        &self.address
    }

    /// The AppRole that Patchbay signs in with: id and secret.
    pub fn role(&self) -> (&str, &str) {
        (&self.role_id, &self.secret_id)
    }

    /// The AppRole of `patchbay keys`: id and secret.
    pub fn rotator(&self) -> (&str, &str) {
        (&self.rotator_role_id, &self.rotator_secret_id)
    }

    /// Seals it, as an operator does in an emergency.
    pub async fn seal(&self) {
        assert_eq!(self.admin(Method::POST, "sys/seal", "").await.status, 204);
    }

    /// Unseals it.
    pub async fn unseal(&self) {
        let key = serde_json::json!({ "key": self.unseal_key }).to_string();
        let answer = self.admin(Method::POST, "sys/unseal", &key).await;
        assert_eq!(answer.ok()["sealed"], false, "{answer}");
    }

    /// A request as the administrator.
    pub async fn admin(&self, method: Method, path: &str, body: &str) -> Answer {
        let caller = Caller::new(self.address.as_str().trim_end_matches('/'));
        let request = caller.request(method, &format!("/v1/{path}")).header("x-vault-token", ROOT);
        request.body(body.to_owned()).send().await
    }
}

/// Nothing of this machine's own settings reaches it.
fn clean(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_ascii_uppercase();
        if text.starts_with("VAULT_") || text.starts_with("BAO_") || text.ends_with("_PROXY") {
            command.env_remove(&name);
        }
    }
    command
}

fn binary() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    let install = || {
        let output = Command::new(root().join("infra/openbao/install")).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().last().unwrap().into()
    };
    FOUND.get_or_init(|| from_environment("PATCHBAY_BAO").unwrap_or_else(install)).clone()
}

/// A port that is free together with the next one, which the server takes too.
fn free_pair() -> u16 {
    (0..100)
        .find_map(|_| {
            let first = TcpListener::bind(("127.0.0.1", 0)).ok()?;
            let port = first.local_addr().ok()?.port();
            TcpListener::bind(("127.0.0.1", port.checked_add(1)?)).ok().map(|_| port)
        })
        .expect("two free ports side by side")
}
