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
        if !file.is_file() {
            return Err(Mismatch(format!(
                "{} is no plugin's folder: there is no provider.toml in it. Name the folder that has one, or begin a plugin with `patchbay plugin new`",
                folder.display()
            )));
        }
        let text = std::fs::read_to_string(&file).map_err(|e| Mismatch(format!("{name}: {e}")))?;
        let manifest = Manifest::parse(&name, &text).map_err(|e| Mismatch(e.to_string()))?;
        Ok(Self { folder: folder.to_owned(), manifest })
    }

    /// The compiled component: `<slug>/plugin.wasm` below the folder that `PATCHBAY_PLUGINS` names, if it is there, else
    /// below the nearest `target/plugins` upwards from here, else beside the manifest.
    ///
    /// # Errors
    /// It has not been built; the text says how.
    pub fn component(&self) -> Result<Vec<u8>, Mismatch> {
        let file = self.component_file()?;
        std::fs::read(&file).map_err(|error| Mismatch(format!("{}: {error}", file.display())))
    }

    /// Where the compiled component is; see [`ProviderFolder::component`].
    ///
    /// # Errors
    /// It has not been built; the text says how.
    pub fn component_file(&self) -> Result<PathBuf, Mismatch> {
        #[expect(
            clippy::disallowed_methods,
            reason = "a developer's tool: there is no configuration file to read it from"
        )]
        let named = std::env::var("PATCHBAY_PLUGINS").ok().map(PathBuf::from);
        let slug = &self.manifest.slug;
        let name = self.manifest.plugin.as_ref().map_or("plugin.wasm", |plugin| plugin.component.as_str());
        let below = Path::new(slug).join(name);
        // `.` has no folders above it until it is written out.
        let folder = self.folder.canonicalize().unwrap_or_else(|_| self.folder.clone());
        let named = named.map(|named| named.join(&below));
        let above = folder.ancestors().map(|up| up.join("target/plugins").join(&below));
        let beside = self.folder.join(name);
        named.into_iter().chain(above).chain([beside]).find(|file| file.is_file()).ok_or_else(|| {
            Mismatch(format!(
                "the plugin `{slug}` is not built: there is no target/plugins/{slug}/{name} and no {name} beside the manifest. Run `patchbay plugin build`, or `cargo dev plugins` for those of Patchbay itself"
            ))
        })
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
        if files.is_empty() {
            return Err(Mismatch(format!(
                "{} holds no fixtures: write what the provider answers into a file there, as sdk-plugin/README.md says",
                folder.display()
            )));
        }
        Ok(files)
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
                "the host `{host}` is not on the list; if the plugin is meant to ask it, add it to provider.toml: [api] hosts = [\"{host}\"]"
            ));
        }
        Ok(absolute)
    }
}
