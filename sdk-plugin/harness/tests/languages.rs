//! The contract is plain WIT: a plugin in another language passes the examination that those in Rust pass.

#![cfg(test)]

use std::{path::Path, process::Command};

use patchbay_plugin_harness::{Interface, examine_folder};

#[test]
fn a_plugin_in_javascript_passes_the_examination() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests/javascript").canonicalize().unwrap();
    assert!(
        folder.join("node_modules").is_dir(),
        "its tools are missing: run `cargo dev setup`, or `npm ci` in its folder"
    );
    // Makes the component if it is older than what it is made of, which takes most of a minute.
    let built = Command::new("node").arg("build.mjs").current_dir(&folder).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let component = std::fs::read(folder.join("target/plugins/bazaar/plugin.wasm")).unwrap();
    let interface = Interface::of(&component);
    let foreign = interface.imports.iter().find(|name| !name.starts_with("patchbay:plugin/"));
    assert_eq!(foreign, None, "it asks for what the contract has, and for nothing of its engine's");

    let found = examine_folder(&folder).unwrap().passed().unwrap();
    assert!(found.resumed > 0 && found.injected > 0, "{:#?}", found.notes);
    println!("{} bytes\n{}\n{:#?}", component.len(), found.table(), found.notes);
}
