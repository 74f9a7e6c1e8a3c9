//! Building the plugins: components for the server, beside the manifests that describe them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    progress::{Failure, Outcome, Progress},
    shell::{cargo, root, run},
};

/// Where the server finds plugins, and providers that are only data.
pub fn folder() -> PathBuf {
    root().join("target/plugins")
}

/// Builds all of them into [`folder`]: `<slug>/plugin.wasm` and `<slug>/provider.toml`, and `catalog/<slug>.toml`.
pub fn build(progress: &Progress) -> Outcome<()> {
    progress.step("Plugins", || {
        let plugins = with_code()?;
        let mut cargo = cargo();
        // The compiler's own linker for components. The pages share the target and take its usual linker.
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-component-ld");
        cargo.args(["build", "--quiet", "--profile", "plugin", "--target", "wasm32-unknown-unknown"]);
        for slug in &plugins {
            cargo.args(["-p", &format!("plugin-{slug}")]);
        }
        run(&mut cargo)?;
        let mut sizes = Vec::new();
        for slug in &plugins {
            // Cargo writes underscores into the names of what it builds.
            let file = format!("plugin_{}.wasm", slug.replace('-', "_"));
            let component = root().join("target/wasm32-unknown-unknown/plugin").join(file);
            let bytes = fs::read(&component).map_err(|error| Failure(format!("{}: {error}", component.display())))?;
            place(slug, "plugin.wasm", &bytes)?;
            place(slug, "provider.toml", &fs::read(root().join(format!("plugins/{slug}/provider.toml")))?)?;
            sizes.push(format!("{slug} {} kB", bytes.len() / 1000));
        }
        let catalog = catalog()?;
        for manifest in &catalog {
            let name = manifest.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            place("catalog", &name, &fs::read(manifest)?)?;
        }
        forget(&catalog)?;
        sizes.push(format!("{} by manifest alone", catalog.len()));
        Ok(((), sizes.join(", ")))
    })
}

/// Slugs of the folders of `plugins/` that have a manifest and code.
fn with_code() -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("plugins"))? {
        let folder = entry?.path();
        if folder.join("provider.toml").exists() && folder.join("Cargo.toml").exists() {
            found.extend(folder.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    found.sort();
    if found.is_empty() { Err(Failure("plugins/ holds no plugin".to_owned())) } else { Ok(found) }
}

/// The manifests in `plugins/catalog/`.
fn catalog() -> Outcome<Vec<PathBuf>> {
    let folder = root().join("plugins/catalog");
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        found.push(entry?.path());
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    Ok(found)
}

/// Removes manifests that an earlier build placed and that are in the catalogue no more: a provider that got code would be
/// there twice.
fn forget(catalog: &[PathBuf]) -> Outcome<()> {
    for entry in fs::read_dir(folder().join("catalog"))? {
        let placed = entry?;
        if !catalog.iter().any(|manifest| manifest.file_name() == Some(&placed.file_name())) {
            fs::remove_file(placed.path())?;
        }
    }
    Ok(())
}

/// Writes a file of a plugin under another name first, so that a running server never reads half of it, and only if it
/// differs, so that nothing is compiled anew for nothing.
fn place(below: &str, name: &str, bytes: &[u8]) -> Outcome<()> {
    let folder = folder().join(below);
    let path: &Path = &folder.join(name);
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    let partial = folder.join(format!("{name}.partial"));
    fs::write(&partial, bytes)?;
    Ok(fs::rename(partial, path)?)
}
