//! Embeds `web/dist`, as `cargo dev web` writes it. Without it the server builds all the same and its pages say what
//! to run.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../web/dist");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut table =
        String::from("/// Every embedded file with the app it belongs to.\npub static ASSETS: &[(&str, Asset)] = &[\n");
    for app in ["connect", "admin", "embed"] {
        for file in files(&root.join(app)) {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let content_type = match file.extension().and_then(|extension| extension.to_str()) {
                Some("html") => "text/html; charset=utf-8",
                Some("js") => "text/javascript; charset=utf-8",
                Some("css") => "text/css; charset=utf-8",
                Some("wasm") => "application/wasm",
                Some("svg") => "image/svg+xml",
                _ => continue,
            };
            let form = |suffix: &str| {
                let path = PathBuf::from(format!("{}.{suffix}", file.display()));
                if path.is_file() { format!("Some(include_bytes!({path:?}))") } else { "None".into() }
            };
            let _ = writeln!(
                table,
                "({app:?}, Asset {{ name: {name:?}, content_type: {content_type:?}, plain: include_bytes!({file:?}), brotli: {}, gzip: {} }}),",
                form("br"),
                form("gz")
            );
        }
    }
    table.push_str("];\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("assets.rs");
    if let Err(error) = fs::write(&out, table) {
        println!("cargo::error=cannot write {}: {error}", out.display());
    }
}

/// Files of a folder, sorted, so that the same files give the same binary.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    paths
}
