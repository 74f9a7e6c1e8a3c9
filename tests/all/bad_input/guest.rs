//! Plugins that mean no good, and folders of providers to put them in.

use std::{
    fs,
    path::{Path, PathBuf},
};

pub(crate) use guests::{component, module};

use crate::support::root;

/// The demo provider's manifest.
pub(crate) fn manifest() -> String {
    fs::read_to_string(root().join("plugins/acme/provider.toml")).unwrap()
}

/// A folder of providers with one in it, for one test.
pub(crate) fn folder(test: &str, manifest: &str, component: Option<&[u8]>) -> PathBuf {
    let folder = root().join("target/tests").join(format!("plugins-{test}"));
    let provider = folder.join("acme");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&provider).unwrap();
    fs::write(provider.join("provider.toml"), manifest).unwrap();
    if let Some(component) = component {
        fs::write(provider.join("plugin.wasm"), component).unwrap();
    }
    folder
}

/// The manifest in such a folder.
pub(crate) fn manifest_in(folder: &Path) -> PathBuf {
    folder.join("acme/provider.toml")
}
