//! Where things are that the tests need.

use std::path::{Path, PathBuf};

/// The repository's root folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The plugins as the server loads them.
pub fn plugins() -> PathBuf {
    let folder = from_environment("PATCHBAY_PLUGINS").unwrap_or_else(|| root().join("target/plugins"));
    assert!(folder.is_dir(), "there are no plugins in {}: run `cargo dev plugins`", folder.display());
    folder
}

/// The server's own binary, for tests that kill it.
pub fn patchbay_binary() -> PathBuf {
    let binary = from_environment("PATCHBAY_BIN").unwrap_or_else(|| root().join("target/debug/patchbay"));
    assert!(binary.is_file(), "{} is not there: run `cargo build -p patchbay`", binary.display());
    binary
}

/// Where screenshots and other things to look at are left.
pub fn artifacts() -> PathBuf {
    from_environment("PATCHBAY_ARTIFACTS").unwrap_or_else(|| root().join("artifacts"))
}

/// A folder of this run for files that nobody looks at afterwards.
pub fn scratch() -> PathBuf {
    let folder = root().join("target/tests");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A path that the environment names.
pub fn from_environment(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// A program on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
