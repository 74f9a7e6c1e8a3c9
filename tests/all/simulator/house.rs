//! Services as a server has them, with a real database and real sealing, to which every host name leads to the simulator.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use domain::Scope;
use egress::{Egress, LookedUp, Lookup};
use flows::{Services, tenant};
use patchbay::{
    boot,
    config::{Config, KeyKind},
    system::{SystemClock, SystemEntropy},
};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{
    authority::Authority,
    provider::{Shared, answer},
    wire,
};
use crate::support::{Database, TestClock, plugins, root};

/// Services, and a tenant with an environment.
pub struct House {
    pub database: Database,
    pub authority: Arc<Authority>,
    pub scope: Scope,
    services: Services,
    config: Config,
    folder: PathBuf,
}

/// One connection at a time: a simulator, and ways to it.
pub struct Hand {
    pub shared: Shared,
    /// What it was asked, each with the answer's body.
    pub heard: Arc<Mutex<Vec<(wire::Seen, String)>>>,
    pub egress: Egress,
    /// What an end user's browser does.
    pub browser: reqwest::Client,
}

/// Every name leads here.
struct Here(u16);

impl Lookup for Here {
    fn lookup<'a>(&'a self, _: &'a str) -> LookedUp<'a> {
        Box::pin(async { Ok(vec![SocketAddr::from(([127, 0, 0, 1], self.0))]) })
    }
}

impl Resolve for Here {
    fn resolve(&self, _: Name) -> Resolving {
        let address = SocketAddr::from(([127, 0, 0, 1], self.0));
        Box::pin(async move { Ok(Box::new(std::iter::once(address)) as Addrs) })
    }
}

impl House {
    /// Services that know these manifests.
    pub async fn build(manifests: &[PathBuf]) -> Self {
        let database = Database::clone_template().await;
        let authority = Authority::new();
        let folder = root().join("target/tests").join(format!("simulator-{}", std::process::id()));
        gather(&folder, manifests);
        let mut config = Config::load(None).unwrap();
        config.server.public_url = "https://patchbay.example".parse().unwrap();
        config.database.url = database.url();
        config.database.max_connections = 12;
        config.database.migrate_at_start = false;
        config.plugins.dir.clone_from(&folder);
        config.plugins.cache_dir = root().join("target/tests/compiled");
        config.egress.allow_ranges = vec!["127.0.0.0/8".parse().unwrap()];
        config.egress.extra_roots = vec![authority.file().to_owned()];
        config.keys.kind = KeyKind::File;
        config.keys.file.path = folder.join("keyring");
        let entropy = Arc::new(SystemEntropy::default());
        let platform = boot::platform_with(&config, Arc::new(SystemClock), entropy).await.unwrap();
        let services = platform.services.clone();
        let owner = tenant::create::create(&services, "lamplight", "Lamplight Commerce").await.unwrap();
        let place = tenant::create_environment::create_environment(&services, owner.tenant_id, "prod", "Production")
            .await
            .unwrap();
        let scope = Scope { tenant: owner.tenant_id, environment: place.environment_id };
        Self { database, authority, scope, services, config, folder }
    }

    /// Another simulator, and ways to it.
    pub async fn hand(&self) -> Hand {
        let shared: Shared = Arc::new(Mutex::new(None));
        let answering = Arc::clone(&shared);
        let heard: Arc<Mutex<Vec<(wire::Seen, String)>>> = Arc::default();
        let hearing = Arc::clone(&heard);
        let respond = move |seen: wire::Seen| {
            let reply = answer(&answering, seen.clone());
            hearing.lock().unwrap().push((seen, String::from_utf8_lossy(&reply.body).into_owned()));
            reply
        };
        let port = wire::listen(&self.authority, Arc::new(respond)).await;
        let egress = Egress::with_lookup(self.config.egress.clone(), Arc::new(SystemClock), Arc::new(Here(port)));
        let egress = egress.unwrap().with_entropy(Arc::new(SystemEntropy::default()));
        let pem = std::fs::read(self.authority.file()).unwrap();
        let browser = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Arc::new(Here(port)))
            .tls_certs_only(reqwest::Certificate::from_pem_bundle(&pem).unwrap())
            .build()
            .unwrap();
        Hand { shared, heard, egress, browser }
    }

    /// The services with a clock and ways out of one's own.
    pub fn services(&self, hand: &Hand, clock: &Arc<TestClock>) -> Services {
        Services { egress: hand.egress.clone(), clock: Arc::clone(clock) as _, ..self.services.clone() }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A folder with these manifests as a catalogue, and the plugins.
fn gather(folder: &Path, manifests: &[PathBuf]) {
    let catalog = folder.join("catalog");
    std::fs::create_dir_all(&catalog).unwrap();
    for manifest in manifests {
        if manifest.ends_with("provider.toml") {
            let slug = manifest.parent().and_then(Path::file_name).unwrap();
            let to = folder.join(slug);
            std::fs::create_dir_all(&to).unwrap();
            std::fs::copy(manifest, to.join("provider.toml")).unwrap();
            let component = plugins().join(slug).join("plugin.wasm");
            std::fs::copy(component, to.join("plugin.wasm")).unwrap();
        } else {
            std::fs::copy(manifest, catalog.join(manifest.file_name().unwrap())).unwrap();
        }
    }
}
