//! Machines on which something is missing that a build needs.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::{SHOP, folder, plugin};

/// A shop whose crate is there, and an empty folder for programs.
fn shop(test: &str) -> std::path::PathBuf {
    let folder = folder(test);
    fs::write(folder.join("provider.toml"), format!("{SHOP}\n[plugin]\ncomponent = \"plugin.wasm\"\n")).unwrap();
    fs::write(folder.join("Cargo.toml"), "[package]\nname = \"plugin-shop\"\n").unwrap();
    fs::create_dir_all(folder.join("bin")).unwrap();
    folder
}

fn program(folder: &std::path::Path, name: &str, script: &str) {
    let path = folder.join("bin").join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_is_missing_is_named_with_what_to_run() {
    let folder = shop("missing");
    let path = folder.join("bin");
    let build = || {
        let (output, said) = plugin(&folder, &["build"], &[("PATH", path.to_str().unwrap())]);
        assert_eq!(output.status.code(), Some(1), "{said}");
        said
    };
    let said = build();
    assert!(said.contains("there is no `rustc`") && said.contains("Install Rust"), "{said}");
    // A compiler answers where the target's library would be, whether it is there or not.
    program(&folder, "rustc", "echo /nowhere/lib/rustlib/wasm32-unknown-unknown/lib");
    let said = build();
    assert!(said.contains("rustup target add wasm32-unknown-unknown"), "{said}");
    program(&folder, "rustc", "echo /");
    let said = build();
    assert!(said.contains("there is no `cargo`"), "{said}");
    program(&folder, "cargo", "echo 'error: no such thing' >&2; exit 101");
    let said = build();
    assert!(said.contains("cannot read the plugin's Cargo.toml") && said.contains("no such thing"), "{said}");
}
