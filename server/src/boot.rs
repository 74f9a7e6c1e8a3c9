//! Puts the server together: configuration in, running services out. The only place that constructs things; tests build
//! the same way.

use std::{net::TcpListener, path::Path, sync::Arc, time::Duration};

use actix_web::{App, HttpServer, dev::Server, middleware::from_fn, web};
use domain::{
    clock::Clock,
    entropy::{self, Entropy},
    mint::Mint,
    refresh::NodeId,
    secret::Secret,
};
use egress::Egress;
use flows::{
    Providers, Services, Settings,
    budget::{self, ClusterBudget},
    credentials::ConnectionCache,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use plugin_host::PluginHost;
use store::{Listener, Notice, Store};
use vault::{
    FileKeyring, KeyGovernance, KeyService, Sealer, SealerLimits, Sealing, TransitAuth, TransitConfig, TransitKeys,
    file_keyring::OnMissing,
};

use crate::{
    config::{Config, KeyKind, Keys, SealingMode, Vault},
    http::{self, AppState, Meters, extract, principal, rate_limit::Limiter, senders::Senders},
    system::{SystemClock, SystemEntropy},
};

/// Why the server did not start, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The database.
    #[error("database: {0}. Check database.url, or run `patchbay doctor`")]
    Store(#[from] store::StoreError),
    /// The key service.
    #[error("key service: {0}")]
    Keys(#[from] vault::KeyError),
    /// HTTP out.
    #[error("egress: {0}")]
    Egress(#[from] egress::SetupError),
    /// The plugin host.
    #[error("plugin host: {0}")]
    Plugins(#[from] plugin_host::StartError),
    /// A provider.
    #[error(transparent)]
    Providers(#[from] flows::ProvidersError),
    /// A file that the configuration names.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// The address to listen on.
    #[error("cannot listen on {bind}: {source}. Is another server running there? Set server.bind")]
    Listen {
        /// Where.
        bind: std::net::SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}

/// Everything that runs behind the edge.
pub struct Platform {
    /// What flows are handed.
    pub services: Services,
    /// Hears what other nodes commit.
    pub listener: Arc<Listener>,
}

/// Builds the services. Migrations are applied first if the configuration says so.
///
/// # Errors
/// [`BootError`] names what is missing.
pub async fn platform(config: &Config) -> Result<Platform, BootError> {
    platform_with(config, Arc::new(SystemClock), Arc::new(SystemEntropy::default())).await
}

/// The same, with a clock and a randomness of one's own.
///
/// # Errors
/// [`BootError`] names what is missing.
pub async fn platform_with(
    config: &Config,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<Platform, BootError> {
    let providers = providers(config, entropy.as_ref()).await?;
    platform_of(config, clock, entropy, providers).await
}

/// The same, with providers that were read before.
///
/// # Errors
/// [`BootError`] names what is missing.
pub async fn platform_of(
    config: &Config,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    providers: Arc<Providers>,
) -> Result<Platform, BootError> {
    let mut platform = assemble(config, clock, entropy).await?;
    let providers = Arc::new(providers.over(platform.services.store.clone()));
    let forgetful = Arc::clone(&providers);
    hear(&platform.listener, move |notice| forgetful.hear(notice));
    platform.services.providers = providers;
    Ok(platform)
}

/// Reads the providers that are installed, and compiles their plugins or takes up what was compiled before.
///
/// # Errors
/// [`BootError`] names what is wrong with which.
pub async fn providers(config: &Config, entropy: &dyn Entropy) -> Result<Arc<Providers>, BootError> {
    let host = PluginHost::new(config.plugins.host(), entropy)?;
    Ok(Arc::new(Providers::load(&config.plugins.dir, Arc::new(host)).await?))
}

/// The same without any provider, for commands that ask none: to read hundreds of manifests and compile their plugins is
/// most of the time that it takes.
///
/// # Errors
/// [`BootError`] names what is missing.
pub async fn platform_without_providers(config: &Config) -> Result<Platform, BootError> {
    assemble(config, Arc::new(SystemClock), Arc::new(SystemEntropy::default())).await
}

/// Everything but the providers.
async fn assemble(config: &Config, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Platform, BootError> {
    if config.database.migrate_at_start {
        for name in store::migrate(&config.database.url).await? {
            tracing::info!(migration = name, "applied");
        }
    }
    let store = Store::new(&config.database.store())?;
    let node = NodeId(i64::from_le_bytes(entropy::bytes(entropy.as_ref())));
    let listener = Arc::new(Listener::start(&store, node));
    let connections = Arc::new(ConnectionCache::new(10_000, Duration::from_secs(5)));
    let cache = Arc::clone(&connections);
    hear(&listener, move |notice| cache.hear(notice));
    wipe_old(&connections, Arc::clone(&clock));
    let keys = key_service(&config.keys, Arc::clone(&entropy)).await?;
    let sealer = Arc::new(sealer(&config.keys, &keys, &entropy, &clock));
    let forgetful = Arc::clone(&sealer);
    hear(&listener, move |notice| {
        if let Some(tenant) = store::destroyed_tenant(notice) {
            forgetful.forget_tenant(tenant);
        }
    });
    let egress = Egress::new(config.egress.clone(), Arc::clone(&clock))?.with_entropy(Arc::clone(&entropy));
    let egress = egress.with_shared_budget(Arc::new(ClusterBudget::new(store.clone())));
    let knowing = egress.clone();
    hear(&listener, move |notice| budget::hear(&knowing, notice));
    let services = Services {
        store,
        sealer,
        keys,
        egress,
        providers: Arc::default(),
        connections,
        calls: Arc::new(config.plugins.calls()),
        exports: Arc::new(flows::record::export_places()),
        node,
        mint: Mint::new(Arc::clone(&clock), Arc::clone(&entropy)),
        clock,
        entropy,
        settings: Arc::new(Settings {
            public_url: config.server.public_url.clone(),
            plugin_keys: config.plugins.trusted(),
        }),
    };
    Ok(Platform { services, listener })
}

/// The key service that the configuration names.
///
/// # Errors
/// It is set up wrongly. One that is sealed or away is no error here: it may come back.
pub async fn key_service(keys: &Keys, entropy: Arc<dyn Entropy>) -> Result<Arc<dyn KeyService>, BootError> {
    match keys.kind {
        KeyKind::File => Ok(Arc::new(FileKeyring::open(&keys.file.path, OnMissing::Create, entropy)?)),
        KeyKind::Vault => Ok(Arc::new(transit(&keys.vault, server_identity(&keys.vault))?)),
    }
}

/// The same key service in the hands of those who govern keys: with the identity of `patchbay keys`, where it has one.
///
/// # Errors
/// It is set up wrongly.
pub async fn key_governance(keys: &Keys, entropy: Arc<dyn Entropy>) -> Result<Arc<dyn KeyGovernance>, BootError> {
    match keys.kind {
        KeyKind::File => Ok(Arc::new(FileKeyring::open(&keys.file.path, OnMissing::Refuse, entropy)?)),
        KeyKind::Vault => {
            let rotator = &keys.vault.rotator;
            let identity = if !rotator.role_id.is_empty() {
                app_role(&keys.vault, &rotator.role_id, &rotator.secret_id)
            } else if !rotator.token.expose().is_empty() {
                TransitAuth::Token(rotator.token.clone())
            } else {
                server_identity(&keys.vault)
            };
            Ok(Arc::new(transit(&keys.vault, identity)?))
        }
    }
}

fn server_identity(vault: &Vault) -> TransitAuth {
    if !vault.kubernetes_role.is_empty() {
        TransitAuth::Kubernetes {
            mount: vault.kubernetes_mount.clone(),
            role: vault.kubernetes_role.clone(),
            token_file: vault.kubernetes_token_file.clone(),
        }
    } else if !vault.role_id.is_empty() {
        app_role(vault, &vault.role_id, &vault.secret_id)
    } else {
        TransitAuth::Token(vault.token.clone())
    }
}

fn app_role(vault: &Vault, role_id: &str, secret_id: &Secret) -> TransitAuth {
    let role_id = Secret::new(role_id);
    TransitAuth::AppRole { mount: vault.approle_mount.clone(), role_id, secret_id: secret_id.clone() }
}

fn transit(vault: &Vault, auth: TransitAuth) -> Result<TransitKeys, BootError> {
    let ca_pem = if vault.ca_file.as_os_str().is_empty() { None } else { Some(read(&vault.ca_file)?) };
    let config = TransitConfig {
        mount: vault.mount.clone(),
        namespace: (!vault.namespace.is_empty()).then(|| vault.namespace.clone()),
        ca_pem,
        deadline: Duration::from_millis(vault.deadline_ms),
        ..TransitConfig::new(vault.address.clone(), auth)
    };
    Ok(TransitKeys::start(config)?)
}

fn sealer(config: &Keys, keys: &Arc<dyn KeyService>, entropy: &Arc<dyn Entropy>, clock: &Arc<dyn Clock>) -> Sealer {
    let limits = SealerLimits { messages_per_key: config.messages_per_data_key, ..SealerLimits::default() };
    let sealing = match config.sealing {
        SealingMode::Envelope => Sealing::Envelope,
        SealingMode::Direct => Sealing::Direct,
    };
    Sealer::with_limits(Arc::clone(keys), Arc::clone(entropy), Arc::clone(clock), limits).sealing(sealing)
}

/// Installs the metrics recorder of this process; the same one on further calls.
#[must_use]
pub fn meters() -> PrometheusHandle {
    static HANDLE: std::sync::OnceLock<PrometheusHandle> = std::sync::OnceLock::new();
    let make = || {
        let buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
        let builder = PrometheusBuilder::new();
        let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &buckets);
        let recorder = builder.unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is installed; /metrics stays empty");
        }
        handle
    };
    HANDLE.get_or_init(make).clone()
}

/// What handlers share.
#[must_use]
pub fn app_state(config: &Config, platform: &Platform) -> web::Data<AppState> {
    let token = config.operator.token.expose();
    let keys = Arc::new(principal::KeyCache::new(10_000, principal::KEY_LIFETIME));
    let state = web::Data::new(AppState {
        services: platform.services.clone(),
        keys: Arc::clone(&keys),
        limiter: Limiter::new(config.limits.per_second()),
        senders: Senders::new(&config.limits),
        operator_token_hash: (!token.is_empty()).then(|| flows::sha256(token.as_bytes())),
        meters: Meters::new(meters()),
    });
    hear(&platform.listener, move |notice| keys.hear(notice));
    let upkeep = web::Data::clone(&state);
    tokio::spawn(async move {
        for round in 1_u32.. {
            tokio::time::sleep(Duration::from_secs(5)).await;
            // Measured times lie in memory one by one until this sorts them into buckets.
            upkeep.meters.handle.run_upkeep();
            if round % 12 == 0 {
                upkeep.limiter.forget_idle();
                upkeep.senders.forget_idle();
                upkeep.write_key_uses().await;
            }
        }
    });
    state
}

/// Wipes what a cache does not use any more, as long as there is one.
fn wipe_old(cache: &Arc<ConnectionCache>, clock: Arc<dyn Clock>) {
    let cache = Arc::downgrade(cache);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let Some(cache) = cache.upgrade() else { return };
            cache.forget_old(clock.now());
        }
    });
}

/// Tells a cache whatever is heard, until the listener ends.
fn hear(listener: &Listener, tell: impl Fn(&Notice) + Send + 'static) {
    let mut notices = listener.subscribe();
    tokio::spawn(async move {
        while let Some(notice) = notices.next().await {
            tell(&notice);
        }
    });
}

/// Listens; gives the socket, so that whoever asked for port 0 learns the port.
///
/// # Errors
/// [`BootError::Listen`].
pub fn listen(config: &Config) -> Result<TcpListener, BootError> {
    TcpListener::bind(config.server.bind).map_err(|source| BootError::Listen { bind: config.server.bind, source })
}

/// The HTTP server over a socket. It runs when awaited and stops by its handle.
///
/// # Errors
/// [`BootError::Listen`].
pub fn http_server(config: &Config, state: web::Data<AppState>, listener: TcpListener) -> Result<Server, BootError> {
    let threads = match config.server.threads {
        0 => std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
        threads => threads,
    };
    let bind = config.server.bind;
    let server = HttpServer::new(move || {
        // Connections to providers of its own for each thread: one that is taken over from another thread has to be
        // woken there.
        let shared = &state.services.egress;
        let egress = shared.with_own_connections().unwrap_or_else(|_| shared.clone());
        App::new()
            .app_data(web::Data::clone(&state))
            .app_data(web::Data::new(egress))
            .app_data(web::PayloadConfig::new(extract::MOST_JSON_BYTES))
            .wrap(from_fn(http::canonical_line))
            .configure(http::routes::configure)
    })
    .workers(threads)
    .shutdown_timeout(config.server.drain_seconds)
    .disable_signals()
    .listen(listener)
    .map_err(|source| BootError::Listen { bind, source })?;
    Ok(server.run())
}

fn read(path: &Path) -> Result<Vec<u8>, BootError> {
    std::fs::read(path).map_err(|source| BootError::File { path: path.display().to_string(), source })
}
