//! Plugins as their authors push them: Acme's component under any name and number, signed.

use std::path::PathBuf;

use flows::plugin::{MEDIA_TYPE, Package, SigningKey};
use http::Method;
use patchbay::system::SystemEntropy;
use plugin_host::{HostConfig, PluginHost};
use serde_json::json;
use tokio::sync::OnceCell;

use super::{Answer, Caller, TenantKey, paths, plugins};

/// Somebody who signs.
pub struct Author {
    key: SigningKey,
}

impl Author {
    /// An author with a key of their own for each seed.
    pub fn new(seed: u8) -> Self {
        Self { key: SigningKey::from_seed(&[seed; 32]).unwrap() }
    }

    /// The public key, as people write it.
    pub fn public(&self) -> String {
        self.key.public().unwrap().to_string()
    }

    /// Has an environment trust the key; gives its id.
    pub async fn trusted_by(&self, environment: &TenantKey) -> String {
        let wish = json!({ "name": "the author's laptop", "public_key": self.public() });
        environment.post("/v1/plugin-keys", &wish).await.ok()["id"].as_str().unwrap().to_owned()
    }

    /// Acme's plugin under a slug and a number, with a manifest changed.
    pub async fn acme(&self, slug: &str, version: &str, change: impl Fn(String) -> String) -> Package {
        let manifest = manifest().replace("slug = \"acme\"", &format!("slug = \"{slug}\""));
        self.signed((slug, version, contract().await), change(manifest), component())
    }

    /// Any package.
    pub fn signed(&self, what: (&str, &str, &str), manifest: String, component: Vec<u8>) -> Package {
        Package::sign(&self.key, what, manifest, component).unwrap()
    }
}

/// Pushes a package.
pub async fn push(caller: &Caller, package: &Package) -> Answer {
    push_bytes(caller, package.to_bytes()).await
}

/// Pushes what may be none.
pub async fn push_bytes(caller: &Caller, bytes: Vec<u8>) -> Answer {
    caller.request(Method::POST, "/v1/plugins").header("content-type", MEDIA_TYPE).body(bytes).send().await
}

fn folder() -> PathBuf {
    plugins().join("acme")
}

/// Acme's manifest.
pub fn manifest() -> String {
    std::fs::read_to_string(folder().join("provider.toml")).unwrap()
}

/// Acme's component.
pub fn component() -> Vec<u8> {
    std::fs::read(folder().join("plugin.wasm")).unwrap()
}

/// The version of the contract that Acme's component is written for.
pub async fn contract() -> &'static str {
    static CONTRACT: OnceCell<&str> = OnceCell::const_new();
    let find = async || {
        let config = HostConfig { cache_folder: Some(paths::scratch().join("compiled")), ..HostConfig::default() };
        let host = PluginHost::new(config, &SystemEntropy::default()).unwrap();
        host.load(component()).await.unwrap().contract()
    };
    CONTRACT.get_or_init(find).await
}

/// What of Acme's manifest needs no code: without its streams, and what sends webhooks on to them.
pub fn without_code(manifest: &str) -> &str {
    manifest.split("[webhook]").next().unwrap()
}
