//! An author's way: a plugin begun, built, tested and checked with the server's own binary, and what is said on the way
//! when something is missing or wrong.

mod beginning;
mod examination;
mod missing;
mod pushed;
mod recording;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use guests::at_home;

use crate::support::{patchbay_binary, root};

/// An empty folder of one's own.
fn folder(test: &str) -> PathBuf {
    let folder = root().join("target/tests/author").join(test);
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// `patchbay plugin …` in a folder, and all that it said.
fn plugin(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> (Output, String) {
    let mut command = Command::new(patchbay_binary());
    command.arg("plugin").args(arguments).current_dir(folder).stdin(Stdio::null());
    command.env("PATCHBAY_PLUGINS__CACHE_DIR", "").env_remove("PATCHBAY_PLUGINS");
    let output = command.envs(settings.iter().copied()).output().unwrap();
    let said = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
    assert!(!said.contains("panicked"), "{said}");
    (output, said)
}

#[track_caller]
fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let (output, said) = plugin(folder, arguments, &[]);
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

#[track_caller]
fn fails(folder: &Path, arguments: &[&str], words: &[&str]) -> String {
    let (output, said) = plugin(folder, arguments, &[]);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{arguments:?}: `{word}` is not in: {said}");
    }
    said
}

/// A manifest of a shop with an API key, and no code yet.
const SHOP: &str = r#"schema = 1
slug = "shop"
name = "Shop"
category = "commerce"
docs = "https://shop.example/docs"

[variables.api_key]
type = "secret"
label = "API key"

[variables.store]
type = "label"
label = "Store"

[auth]
mode = "key"

[api]
base_url = "https://{store}.shop.example/v2"
credential = { headers = { X-Api-Key = "{api_key}" } }
"#;
