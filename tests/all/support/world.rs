//! A whole Patchbay for one test, built by the same code as in production.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use acme::{Acme, Command};
use actix_web::dev::ServerHandle;
use domain::{entropy::Entropy, secret::Secret};
use flows::Providers;
use patchbay::{
    boot,
    config::{Config, KeyKind},
    jobs::Worker,
    system::SystemEntropy,
};
use serde_json::{Value, json};
use store::Notice;
use tokio::sync::OnceCell;

use super::{
    Anonymous, Bao, ConnectBrowser, Consent, Database, Oidc, Operator, Portal, TenantKey, TestClock,
    connecting::leads_to, paths, quiet::assert_quiet, start_log, until, wait::PATIENCE,
};

/// Opens the operator's API.
pub const OPERATOR_TOKEN: &str = "operator-token-of-the-tests-0123456789";

/// The password of members that tests make.
const PASSWORD: &str = "correct horse battery staple";

/// How a world differs from the usual.
pub struct Options {
    /// Who keeps the tenants' keys.
    pub keys: KeysOf,
    /// Whether background jobs run.
    pub worker: bool,
    /// Where the server finds Postgres, if not where it is: a proxy before it.
    pub database_at: Option<SocketAddr>,
    /// Other plugins than the built ones.
    pub plugins: Option<PathBuf>,
    /// Another randomness than the system's.
    pub entropy: Option<Arc<dyn Entropy>>,
    /// Requests a second for each caller.
    pub requests_per_second: u32,
    /// Anything else of the configuration.
    pub configure: fn(&mut Config),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keys: KeysOf::File,
            worker: true,
            database_at: None,
            plugins: None,
            entropy: None,
            requests_per_second: 10_000,
            configure: |_| {},
        }
    }
}

/// Who keeps the tenants' keys.
pub enum KeysOf {
    /// A keyring in a file of this test's own.
    File,
    /// The Vault-API server that all tests share.
    SharedVault,
    /// Another one: its address (maybe a proxy before it) and an AppRole's id and secret.
    Vault {
        /// Its origin.
        address: url::Url,
        /// The AppRole's id.
        role_id: String,
        /// And its secret.
        secret_id: String,
    },
}

/// A tenant with one environment and a key to all of it.
pub struct Tenant {
    /// The tenant, as the operator's API shows it.
    pub tenant: Value,
    /// The environment.
    pub environment: Value,
    /// The key's secret.
    pub secret: String,
    origin: String,
}

impl Tenant {
    /// Its backend.
    pub fn key(&self) -> TenantKey {
        TenantKey::at(&self.origin, &self.secret)
    }
}

/// A running server with a tenant in it.
pub struct World {
    database: Database,
    config: Config,
    clock: Arc<TestClock>,
    platform: boot::Platform,
    state: actix_web::web::Data<patchbay::http::AppState>,
    server: ServerHandle,
    origin: String,
    tenant: Tenant,
    acme: OnceLock<Acme>,
    jobs: Option<Worker>,
}

impl World {
    /// Starts a server on a free port, with a database of its own, and makes a tenant, an environment and a key.
    pub async fn start(options: Options) -> Self {
        start_log();
        let database = Database::clone_template().await;
        let mut config = config(&database, &options).await;
        (options.configure)(&mut config);
        let socket = boot::listen(&config).unwrap();
        let origin = format!("http://{}", socket.local_addr().unwrap());
        config.server.public_url = origin.parse().unwrap();
        let clock = Arc::new(TestClock::default());
        let entropy = options.entropy.clone().unwrap_or_else(|| Arc::new(SystemEntropy::default()));
        let providers = match options.plugins {
            None => built_providers(&config).await,
            Some(_) => boot::providers(&config, entropy.as_ref()).await.unwrap(),
        };
        let platform = boot::platform_of(&config, clock.clone(), entropy, providers).await.unwrap();
        let state = boot::app_state(&config, &platform);
        let server = boot::http_server(&config, state.clone(), socket).unwrap();
        let handle = server.handle();
        tokio::spawn(server);
        let tenant = make_tenant(&origin, "lamplight").await;
        let acme = OnceLock::new();
        let mut world =
            Self { database, config, clock, platform, state, server: handle, origin, tenant, acme, jobs: None };
        if options.worker {
            world.start_jobs();
        }
        world
    }

    /// Begins to run background jobs.
    pub fn start_jobs(&mut self) {
        let concurrency = self.config.worker.concurrency;
        self.jobs = Some(Worker::start(&self.platform.services, &self.platform.listener, concurrency));
    }

    /// The server's clock.
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// Makes the server read credentials anew, after the test changed them behind its back.
    pub fn forget_credentials(&self) {
        self.platform.services.connections.hear(&Notice::Gap { listening: true });
    }

    /// Has the server write down when API keys were last used, as it does each minute.
    pub async fn write_key_uses(&self) {
        self.state.write_key_uses().await;
    }

    /// Has the server look after its records, as it does each minute.
    pub async fn keep_records(&self) {
        flows::record::keep(&self.platform.services).await.unwrap();
    }

    /// Where the server listens.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What the server was started with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Somebody without a key.
    pub fn anonymous(&self) -> Anonymous {
        Anonymous::at(&self.origin)
    }

    /// The operator.
    pub fn operator(&self) -> Operator {
        Operator::at(&self.origin, OPERATOR_TOKEN)
    }

    /// The tenant.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The tenant's backend, with a key that may do everything.
    pub fn key(&self) -> TenantKey {
        self.tenant.key()
    }

    /// The tenant's backend, with a key of these scopes alone.
    pub async fn key_with(&self, scopes: &[&str]) -> TenantKey {
        let key = self.key().post("/v1/api-keys", &json!({ "name": "narrow", "scopes": scopes })).await.ok();
        TenantKey::at(&self.origin, key["secret"].as_str().unwrap())
    }

    /// Another tenant on the same server.
    pub async fn stranger(&self, slug: &str) -> Tenant {
        make_tenant(&self.origin, slug).await
    }

    /// A member of the tenant, signed in on the portal. Gives the email too.
    pub async fn member(&self, role: &str) -> (Portal, String) {
        let email = format!("{role}@lamplight.example");
        let tenant = self.tenant.tenant["id"].as_str().unwrap();
        let wish = json!({ "email": email, "name": "Mo Adeyemi", "password": PASSWORD, "role": role });
        self.operator().post(&format!("/v1/operator/tenants/{tenant}/members"), &wish).await.ok();
        let environment = self.tenant.environment["id"].as_str().unwrap();
        (Portal::sign_in(&self.origin, &email, PASSWORD, environment).await, email)
    }

    /// The password of members.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Rows of a query, everything as text, past all walls.
    pub async fn sql(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.database.sql(sql).await
    }

    /// The one value of a query.
    pub async fn one(&self, sql: &str) -> String {
        let rows = self.sql(sql).await;
        assert!(rows.len() == 1 && rows[0].len() == 1, "{sql} gave {rows:?}");
        rows[0][0].clone().unwrap_or_default()
    }

    /// The demo provider, on threads of its own.
    pub fn acme(&self) -> &Acme {
        self.acme.get_or_init(|| Acme::start(acme::Options { workers: 1, ..acme::Options::default() }).unwrap())
    }

    /// Uses an Acme that was started otherwise.
    pub fn use_acme(&self, options: acme::Options) -> &Acme {
        assert!(self.acme.get().is_none(), "there is an Acme already");
        self.acme.get_or_init(|| Acme::start(options).unwrap())
    }

    /// An integration with Acme as authorization server and API, whose client Acme knows.
    pub async fn acme_integration(&self) -> Value {
        let acme = self.acme();
        let wish = json!({
            "provider": "acme",
            "client_id": "lamplight",
            "client_secret": "acme-client-secret-of-the-tests",
            "variables": { "auth": acme.origin(), "api": acme.origin() },
        });
        let integration = self.key().post("/v1/integrations", &wish).await.ok();
        let client = acme::Client {
            id: "lamplight".into(),
            secret: "acme-client-secret-of-the-tests".into(),
            redirect_uris: vec![integration["redirect_uri"].as_str().unwrap().into()],
            name: "Lamplight Commerce".into(),
        };
        acme.control(Command::RegisterClient(client)).unwrap();
        integration
    }

    /// An integration with the OpenID provider as authorization server, and an Acme that believes its tokens as API.
    pub async fn oidc_integration(&self) -> Value {
        let oidc = Oidc::shared().await;
        let acme = self.acme.get_or_init(|| {
            let issuer = Some(oidc.origin().to_owned());
            Acme::start(acme::Options { issuer, workers: 1, ..acme::Options::default() }).unwrap()
        });
        let wish = json!({
            "provider": "acme",
            "display_name": "Acme",
            "client_id": "not known yet",
            "client_secret": "not known yet",
            "scopes": ["openid", "profile", "offline_access", "orders:read"],
            "variables": { "auth": oidc.origin(), "api": acme.origin() },
        });
        let integration = self.key().post("/v1/integrations", &wish).await.ok();
        let client = oidc.register("Lamplight Commerce", integration["redirect_uri"].as_str().unwrap()).await;
        let path = format!("/v1/integrations/{}", integration["id"].as_str().unwrap());
        self.key().patch(&path, &json!({ "client_id": client.id, "client_secret": client.secret })).await.ok()
    }

    /// Connects a shop of Acme, from the session to the callback. Gives the connection's id.
    pub async fn connect_acme(&self, integration: &Value, end_user: &str, shop: &str) -> String {
        let (session, browser) = ConnectBrowser::open(&self.key(), &self.origin, end_user).await;
        let (token, id) = (session["token"].as_str().unwrap(), integration["id"].as_str().unwrap());
        let launched = browser.launch(&self.origin, token, id, "redirect").await;
        let authorization = leads_to(&launched, self.acme().origin());
        let callback = Consent::default().at_acme(&authorization, shop, "allow").await;
        let answer = browser.get(callback.as_str()).await;
        assert!(answer.status < 400, "{answer}");
        let path = format!("/v1/connect/sessions/{}", session["id"].as_str().unwrap());
        until("the session is connected", PATIENCE, async || {
            let session = self.key().get(&path).await.ok();
            session["connection_id"].as_str().filter(|_| session["status"] == "connected").map(str::to_owned)
        })
        .await
    }

    /// Waits until no run of a connection is under way and each stream was pulled at least once; gives the runs.
    pub async fn synced(&self, connection: &str) -> Vec<Value> {
        let syncs = self.key().get(&format!("/v1/syncs?connection={connection}")).await.ok();
        let streams = syncs["data"].as_array().unwrap().len();
        until("the syncs have ended", PATIENCE, async || {
            let runs = self.key().get(&format!("/v1/runs?connection={connection}")).await.ok();
            let runs = runs["data"].as_array().unwrap().clone();
            let ended = runs.iter().filter(|run| run["state"] != "running").count();
            (ended == runs.len() && ended >= streams).then_some(runs)
        })
        .await
    }

    /// All records of a stream, read by its feed.
    pub async fn records(&self, connection: &str, stream: &str) -> Vec<Value> {
        let mut records = Vec::new();
        let mut cursor = String::new();
        loop {
            let at = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
            let path = format!("/v1/records?connection={connection}&stream={stream}&limit=100{at}");
            let page = self.key().get(&path).await.ok();
            records.extend(page["data"].as_array().unwrap().iter().cloned());
            cursor = page["next_cursor"].as_str().unwrap().to_owned();
            if page["has_more"] != true {
                return records;
            }
        }
    }

    /// Asserts that nothing is left undone, and ends.
    pub async fn end(self) {
        if self.jobs.is_some() {
            assert_quiet(&self.database, &self.clock).await;
        }
        if let Some(jobs) = self.jobs {
            jobs.drain(PATIENCE).await;
        }
        self.server.stop(true).await;
    }
}

async fn config(database: &Database, options: &Options) -> Config {
    let mut config = Config::load(None).unwrap();
    config.server.bind = "127.0.0.1:0".parse().unwrap();
    config.server.threads = 2;
    config.server.drain_seconds = 2;
    config.database.url = match options.database_at {
        Some(proxy) => database.url_at_port(proxy.port()),
        None => database.url(),
    };
    config.database.max_connections = 8;
    // A clone of the template has them all.
    config.database.migrate_at_start = false;
    config.operator.token = Secret::new(OPERATOR_TOKEN);
    config.plugins.dir = options.plugins.clone().unwrap_or_else(paths::plugins);
    config.plugins.cache_dir = paths::scratch().join("compiled");
    config.limits.requests_per_second = options.requests_per_second;
    config.egress.allow_ranges = vec!["127.0.0.0/8".parse().unwrap()];
    config.egress.allow_http = true;
    match &options.keys {
        KeysOf::File => {
            config.keys.kind = KeyKind::File;
            let name: url::Url = database.url().parse().unwrap();
            config.keys.file.path = paths::scratch().join(format!("{}.keyring", name.path().trim_start_matches('/')));
        }
        KeysOf::SharedVault => {
            let bao = Bao::shared().await;
            by_vault(&mut config, bao.address(), bao.role());
            let (role_id, secret_id) = bao.rotator();
            config.keys.vault.rotator.role_id = role_id.to_owned();
            config.keys.vault.rotator.secret_id = Secret::new(secret_id);
        }
        KeysOf::Vault { address, role_id, secret_id } => by_vault(&mut config, address, (role_id, secret_id)),
    }
    config
}

fn by_vault(config: &mut Config, address: &url::Url, (role_id, secret_id): (&str, &str)) {
    config.keys.kind = KeyKind::Vault;
    config.keys.vault.address = address.clone();
    config.keys.vault.role_id = role_id.to_owned();
    config.keys.vault.secret_id = Secret::new(secret_id);
}

/// The built plugins and the catalogue, read once for all worlds of this process: nothing in them is a tenant's.
async fn built_providers(config: &Config) -> Arc<Providers> {
    static BUILT: OnceCell<Arc<Providers>> = OnceCell::const_new();
    let read = async || boot::providers(config, &SystemEntropy::default()).await.unwrap();
    Arc::clone(BUILT.get_or_init(read).await)
}

async fn make_tenant(origin: &str, slug: &str) -> Tenant {
    let operator = Operator::at(origin, OPERATOR_TOKEN);
    let tenant = json!({ "slug": slug, "name": "Lamplight Commerce" });
    let tenant = operator.post("/v1/operator/tenants", &tenant).await.ok();
    let path = format!("/v1/operator/tenants/{}/environments", tenant["id"].as_str().unwrap());
    let environment = operator.post(&path, &json!({ "slug": "prod", "name": "Production" })).await.ok();
    let path = format!("{path}/{}/api-keys", environment["id"].as_str().unwrap());
    let key = operator.post(&path, &json!({ "name": "backend", "scopes": ["*"] })).await.ok();
    let secret = key["secret"].as_str().unwrap().to_owned();
    Tenant { tenant, environment, secret, origin: origin.to_owned() }
}
