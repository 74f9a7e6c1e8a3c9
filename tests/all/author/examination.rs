//! The plugins of this repository, and components that are none, under `patchbay plugin test`.

use std::fs;

use super::{fails, folder, plugin};
use crate::{bad_input::guest, support::root};

#[test]
fn every_plugin_of_this_repository_passes() {
    let mut tried = 0;
    for entry in fs::read_dir(root().join("plugins")).unwrap() {
        let plugin_folder = entry.unwrap().path();
        if !plugin_folder.join("Cargo.toml").is_file() {
            continue;
        }
        let (output, said) = plugin(&root(), &["test", "--no-build", plugin_folder.to_str().unwrap()], &[]);
        assert!(output.status.success(), "{}: {said}", plugin_folder.display());
        assert!(said.contains("limit") && said.contains("answers replaced by errors"), "{said}");
        tried += 1;
    }
    assert!(tried >= 2, "{tried} plugins");
}

#[test]
fn a_component_of_another_world_is_refused() {
    let folder = guest::folder("author-world", &guest::manifest(), None).join("acme");
    fs::create_dir_all(folder.join("fixtures")).unwrap();
    let wasi = wat::parse_str(r#"(component (import "wasi:sockets/tcp@0.2.3" (instance)))"#).unwrap();
    for (component, words) in [
        (wat::parse_str("(component)").unwrap(), &["not a provider plugin", "patchbay_plugin::export!"][..]),
        (wasi, &["wasi:sockets/tcp", "wasm32-unknown-unknown"]),
        (b"no component".to_vec(), &["not a WebAssembly component"]),
    ] {
        // Another slug than that of a plugin which is built: what lies beside the manifest is meant.
        let manifest = guest::manifest().replace("slug = \"acme\"", "slug = \"foreign\"");
        fs::write(folder.join("provider.toml"), manifest).unwrap();
        fs::write(folder.join("plugin.wasm"), component).unwrap();
        fails(&folder, &["test", "--no-build"], words);
    }
    let whole = guest::component("", "");
    fs::write(folder.join("plugin.wasm"), whole).unwrap();
    fails(&folder, &["test"], &["holds no fixtures", "README.md"]);
    fs::write(folder.join("fixtures/page.json"), "<html>").unwrap();
    fails(&folder, &["test"], &["page.json: not JSON", "line 1"]);
}

#[test]
fn a_folder_that_is_no_plugin_is_named() {
    let folder = folder("none");
    for command in ["build", "test"] {
        fails(&folder, &[command], &[". is no plugin's folder", "patchbay plugin new"]);
        fails(&folder, &[command, "nowhere"], &["nowhere is no plugin's folder"]);
    }
    fails(&folder, &["check"], &["provider.toml cannot be read"]);
}
