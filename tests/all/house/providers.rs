//! Provider names never appear in the server or the pages: a provider is a folder or a file under `plugins/`.

use std::{fs, path::Path};

use super::tree;

fn slugs() -> Vec<String> {
    let plugins = tree::root().join("plugins");
    let folders = fs::read_dir(&plugins).unwrap().flatten().map(|entry| entry.path());
    let folders = folders.filter(|path| path.join("provider.toml").exists());
    let catalogue = fs::read_dir(plugins.join("catalog")).into_iter().flatten().flatten().map(|entry| entry.path());
    let catalogue = catalogue.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    folders.chain(catalogue).map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn no_provider_is_named_in_the_server_or_the_pages() {
    let slugs = slugs();
    assert!(slugs.len() >= 2, "providers were found: {slugs:?}");
    let mut named = Vec::new();
    for folder in ["server", "web"] {
        for path in tree::files(folder) {
            let shown = path.display().to_string();
            let text = String::from_utf8_lossy(&fs::read(tree::root().join(&path)).unwrap()).into_owned();
            for slug in &slugs {
                if tree::has_word(&text, slug) || tree::has_word(&shown, slug) {
                    named.push(format!("{shown} names {slug}"));
                }
            }
        }
    }
    assert_eq!(named, Vec::<String>::new(), "say it in provider.toml or in the plugin instead");
}

#[test]
fn every_provider_has_the_name_of_its_folder() {
    for slug in slugs() {
        let folder = Path::new("plugins").join(&slug).join("provider.toml");
        let file = if tree::root().join(&folder).exists() {
            folder
        } else {
            Path::new("plugins/catalog").join(format!("{slug}.toml"))
        };
        let manifest: toml::Table = tree::text(&file).parse().unwrap();
        assert_eq!(manifest["slug"].as_str(), Some(slug.as_str()), "{}", file.display());
    }
}
