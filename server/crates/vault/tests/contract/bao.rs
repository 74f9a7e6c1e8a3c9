//! A real server of the Vault API, in dev mode on a free loopback port, ended by its process id when dropped.

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use domain::secret::Secret;
use patchbay_vault::{TransitAuth, TransitConfig, TransitKeys};
use url::Url;

use crate::{suite::Keys, support::Folder};

const ROOT: &str = "root-of-the-test";

pub struct Bao {
    process: Child,
    port: u16,
    tls: bool,
    folder: Folder,
}

/// What `infra/vault/setup` printed.
#[derive(Clone)]
pub struct AppRole {
    role_id: String,
    secret_id: String,
    rotator_role_id: String,
    rotator_secret_id: String,
}

impl AppRole {
    /// What must never be printed.
    pub fn secrets(&self) -> [String; 4] {
        [&self.role_id, &self.secret_id, &self.rotator_role_id, &self.rotator_secret_id].map(Clone::clone)
    }
}

impl Bao {
    pub fn start() -> Self {
        Self::start_on(None, false)
    }

    pub fn start_with_tls() -> Self {
        Self::start_on(None, true)
    }

    /// One server, set up, for all tests of a run that leave it as it was. It ends with the last of them.
    pub fn shared() -> Arc<(Self, AppRole)> {
        static SHARED: Mutex<Weak<(Bao, AppRole)>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let bao = Self::start();
            let role = bao.set_up(&[("PATCHBAY_DIRECT", "yes")]);
            let both = Arc::new((bao, role));
            *shared = Arc::downgrade(&both);
            both
        })
    }

    fn start_on(port: Option<u16>, tls: bool) -> Self {
        // Another process can take a port between our look and the server's bind, so it may need a second try.
        for _ in 0..5 {
            let mut bao = Self::spawn(port.unwrap_or_else(free_pair), tls);
            if bao.becomes_ready() {
                return bao;
            }
        }
        panic!("the server of the Vault API does not become ready");
    }

    fn spawn(port: u16, tls: bool) -> Self {
        let folder = Folder::new();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = clean(binary());
        command
            .args(["server", "-dev", "-dev-no-store-token"])
            .arg(format!("-dev-root-token-id={ROOT}"))
            .arg(format!("-dev-listen-address=127.0.0.1:{port}"));
        if tls {
            command.arg("-dev-tls").arg(format!("-dev-tls-cert-dir={}", folder.path().display()));
        }
        command.env("HOME", folder.path()).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self { process: command.spawn().unwrap(), port, tls, folder }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    fn becomes_ready(&mut self) -> bool {
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            if self.log().contains("Root Token:") && std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }

    /// Ends the server; gives its port.
    pub fn stop(self) -> u16 {
        self.port
    }

    /// Another, empty server where one was.
    pub fn start_at(port: u16) -> Self {
        Self::start_on(Some(port), false)
    }

    pub fn address(&self) -> Url {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port).parse().unwrap()
    }

    /// The certificate authority of a server with TLS, in PEM.
    pub fn ca_pem(&self) -> Vec<u8> {
        let name = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let file = name.into_iter().find(|path| path.to_string_lossy().ends_with("ca.pem")).unwrap();
        std::fs::read(file).unwrap()
    }

    pub fn as_root(&self) -> TransitConfig {
        TransitConfig::new(self.address(), TransitAuth::Token(Secret::new(ROOT)))
    }

    pub fn with_token(&self, token: &str) -> TransitConfig {
        TransitConfig::new(self.address(), TransitAuth::Token(Secret::new(token)))
    }

    /// The server.
    pub fn as_role(&self, role: &AppRole) -> TransitConfig {
        self.app_role(&role.role_id, &role.secret_id)
    }

    /// Who runs `patchbay keys`.
    pub fn as_rotator(&self, role: &AppRole) -> TransitConfig {
        self.app_role(&role.rotator_role_id, &role.rotator_secret_id)
    }

    /// Both, each with what it may do alone.
    pub fn keys(&self, role: &AppRole) -> Keys {
        Keys {
            service: Arc::new(TransitKeys::start(self.as_role(role)).unwrap()),
            governance: Arc::new(TransitKeys::start(self.as_rotator(role)).unwrap()),
        }
    }

    fn app_role(&self, role_id: &str, secret_id: &str) -> TransitConfig {
        let (role_id, secret_id) = (Secret::new(role_id), Secret::new(secret_id));
        TransitConfig::new(self.address(), TransitAuth::AppRole { mount: "approle".into(), role_id, secret_id })
    }

    /// Runs `infra/vault/setup`, as an operator does.
    pub fn set_up(&self, options: &[(&str, &str)]) -> AppRole {
        let mut command = clean(repository().join("infra/vault/setup"));
        command
            .arg(binary())
            .env("VAULT_ADDR", self.address().as_str())
            .env("VAULT_TOKEN", ROOT)
            .env("HOME", self.folder.path())
            .envs(options.iter().copied());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        AppRole {
            role_id: value("role_id="),
            secret_id: value("secret_id="),
            rotator_role_id: value("rotator_role_id="),
            rotator_secret_id: value("rotator_secret_id="),
        }
    }

    /// A request as the administrator; gives status and body.
    pub async fn admin(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.request(ROOT, method, path, body).await
    }

    pub async fn request(&self, token: &str, method: &str, path: &str, body: &str) -> (u16, String) {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let url = self.address().join(&format!("/v1/{path}")).unwrap();
        let answer = client
            .request(method.parse().unwrap(), url)
            .header("X-Vault-Token", token)
            .body(body.to_owned())
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// A token with the policies of `infra/vault`, as JSON options of `auth/token/create` say.
    pub async fn token(&self, options: &str) -> String {
        let (status, body) = self.admin("POST", "auth/token/create", options).await;
        assert_eq!(status, 200, "{body}");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        body["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    pub async fn seal(&self) {
        assert_eq!(self.admin("POST", "sys/seal", "").await.0, 204);
    }

    pub async fn unseal(&self) {
        let log = self.log();
        let key = log.lines().find_map(|line| line.trim().strip_prefix("Unseal Key:")).unwrap().trim();
        let (status, body) = self.admin("POST", "sys/unseal", &format!(r#"{{"key":"{key}"}}"#)).await;
        assert!(status == 200 && body.contains(r#""sealed":false"#), "{status} {body}");
    }
}

impl Drop for Bao {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A command that sees nothing of this machine's settings: no tokens, addresses or proxies.
fn clean(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).unwrap().to_owned()
}

/// `PATCHBAY_BAO` if set, else what `infra/openbao/install` provides.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("PATCHBAY_BAO") {
        return path.into();
    }
    static INSTALLED: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    INSTALLED
        .get_or_init(|| {
            // pip needs this machine's settings.
            let output = Command::new(repository().join("infra/openbao/install")).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().lines().last().unwrap().into()
        })
        .clone()
}

/// A port that is free together with the next one, which the server takes too.
pub fn free_pair() -> u16 {
    for _ in 0..100 {
        let first = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
    panic!("no two free ports side by side");
}
