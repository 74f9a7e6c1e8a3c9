//! Plugins' crates outside of the workspace.

use std::{fs, path::Path};

use serde_json::json;

use crate::root;

/// Has a new plugin's crate built with the versions and the compiled crates of this repository: nothing is fetched and
/// little is compiled.
pub fn at_home(folder: &Path) {
    let root = root();
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    fs::create_dir_all(folder.join(".cargo")).unwrap();
    let target = json!(root.join("target").to_str().unwrap());
    fs::write(folder.join(".cargo/config.toml"), format!("[build]\ntarget-dir = {target}\n")).unwrap();
}
