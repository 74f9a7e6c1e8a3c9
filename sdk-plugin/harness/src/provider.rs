//! A provider's folder: manifest, component and fixtures.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use domain::manifest::{Manifest, host_matches};
use url::Url;

use crate::Mismatch;

/// A provider's folder, `plugins/<slug>`, with its manifest read and checked.
#[derive(Debug, Clone)]
pub struct ProviderFolder {
    /// Where it is.
    pub folder: PathBuf,
    /// Its `provider.toml`.
    pub manifest: Manifest,
}

impl ProviderFolder {
    /// Opens the folder.
    ///
    /// # Errors
    /// There is no manifest, or there is something wrong with it: the text names file, line and field.
    pub fn open(folder: &Path) -> Result<Self, Mismatch> {
        let file = folder.join("provider.toml");
        let name = file.display().to_string();
        let text = std::fs::read_to_string(&file).map_err(|e| Mismatch(format!("{name}: {e}")))?;
        let manifest = Manifest::parse(&name, &text).map_err(|e| Mismatch(e.to_string()))?;
        Ok(Self { folder: folder.to_owned(), manifest })
    }

    /// The compiled component: `<slug>/plugin.wasm` below the folder that `PATCHBAY_PLUGINS` names, else below the
    /// nearest `target/plugins` upwards from here.
    ///
    /// # Errors
    /// It has not been built; the text says how.
    pub fn component(&self) -> Result<Vec<u8>, Mismatch> {
        #[expect(
            clippy::disallowed_methods,
            reason = "a developer's tool: there is no configuration file to read it from"
        )]
        let named = std::env::var("PATCHBAY_PLUGINS").ok().map(PathBuf::from);
        let below = Path::new(&self.manifest.slug).join("plugin.wasm");
        let file = named.map(|folder| folder.join(&below)).or_else(|| {
            let upwards = self.folder.ancestors().map(|up| up.join("target/plugins").join(&below));
            upwards.into_iter().find(|file| file.is_file())
        });
        let read = file.as_deref().map(std::fs::read);
        match read {
            Some(Ok(bytes)) => Ok(bytes),
            _ => Err(Mismatch(format!(
                "the plugin `{0}` is not built: there is no target/plugins/{0}/plugin.wasm. Run `cargo dev plugins`",
                self.manifest.slug
            ))),
        }
    }

    /// All of `fixtures/*.json`, by name.
    ///
    /// # Errors
    /// There is none.
    pub fn fixtures(&self) -> Result<Vec<PathBuf>, Mismatch> {
        let folder = self.folder.join("fixtures");
        let entries = std::fs::read_dir(&folder).map_err(|e| Mismatch(format!("{}: {e}", folder.display())))?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|e| e == "json"));
        files.sort();
        if files.is_empty() { Err(Mismatch(format!("{} holds no fixtures", folder.display()))) } else { Ok(files) }
    }

    /// Where the plugin's requests may go.
    pub(crate) fn reach(&self, variables: &BTreeMap<String, String>) -> Result<Reach, Mismatch> {
        let wrong = |e: domain::manifest::TemplateError| Mismatch(format!("the fixture's variables do not fit: {e}"));
        let base = self.manifest.api.base_url.url(&self.manifest.variables, variables).map_err(wrong)?;
        let hosts = self.manifest.api_hosts(variables).map_err(wrong)?;
        Ok(Reach { base, hosts })
    }
}

/// The base URL and the hosts that may be reached.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    base: Url,
    hosts: Vec<String>,
}

impl Reach {
    /// The absolute URL that a plugin means.
    ///
    /// # Errors
    /// It is not one, or its host is not on the list: the text names the line to add.
    pub(crate) fn resolve(&self, url: &str) -> Result<Url, String> {
        let absolute = match url.strip_prefix('/') {
            Some(path) => Url::parse(&format!("{}/{path}", self.base.as_str().trim_end_matches('/'))),
            None => Url::parse(url),
        };
        let absolute = absolute.map_err(|e| format!("`{url}` is not a URL: {e}"))?;
        let host = absolute.host_str().unwrap_or_default();
        if !self.hosts.iter().any(|pattern| host_matches(pattern, host)) {
            return Err(format!(
                "the host `{host}` is not on the list; add it to provider.toml: [api] hosts = [\"{host}\"]"
            ));
        }
        Ok(absolute)
    }
}
