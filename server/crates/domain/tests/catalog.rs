//! Every manifest of the repository is sound.

use std::{
    fs,
    path::{Path, PathBuf},
};

use patchbay_domain::manifest::{CatalogFile, lint};

fn plugins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../plugins")
}

fn files() -> Vec<CatalogFile> {
    let mut found = Vec::new();
    for entry in fs::read_dir(plugins()).unwrap().chain(fs::read_dir(plugins().join("catalog")).unwrap()) {
        let path = entry.unwrap().path();
        let file = if path.is_dir() { path.join("provider.toml") } else { path };
        if file.extension().is_some_and(|extension| extension == "toml") && file.is_file() {
            let shown = file.strip_prefix(plugins()).unwrap().to_str().unwrap().to_owned();
            found.push(CatalogFile { path: format!("plugins/{shown}"), text: fs::read_to_string(file).unwrap() });
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

#[test]
fn every_manifest_in_the_catalog_is_sound() {
    let files = files();
    let (manifests, errors) = lint(&files);
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{}\n{} errors in {} files", shown.join("\n"), errors.len(), files.len());
    assert_eq!(manifests.len(), files.len());
}
