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

/// Names of providers that are words of ours too. One that no text uses any more is to be taken off.
const PLAIN_WORDS: &[&str] = &["Box", "Close", "MCP server", "Mode", "Plain", "Sender", "Threads", "Up", "X"];

/// Providers with code are named nowhere, not even in a comment. Those of the catalogue are told by the name that people
/// call them by: many of their slugs are common words.
#[test]
fn no_provider_is_named_in_the_server_or_the_pages() {
    let with_code: Vec<String> = slugs()
        .into_iter()
        .filter(|slug| tree::root().join("plugins").join(slug).join("provider.toml").exists())
        .collect();
    assert!(with_code.len() >= 2, "providers were found: {with_code:?}");
    let names: Vec<String> = tree::texts("plugins/catalog").iter().map(|(_, text)| name_of(text)).collect();
    assert!(names.len() >= 400, "the catalogue was found: {}", names.len());
    let mut named = Vec::new();
    let mut plain = std::collections::BTreeSet::new();
    for folder in ["server", "web"] {
        for path in tree::files(folder) {
            let shown = path.display().to_string();
            let text = String::from_utf8_lossy(&fs::read(tree::root().join(&path)).unwrap()).into_owned();
            for slug in &with_code {
                if tree::has_word(&text, slug) || tree::has_word(&shown, slug) {
                    named.push(format!("{shown} names {slug}"));
                }
            }
            for name in names.iter().filter(|name| stands_in(&text, name)) {
                match PLAIN_WORDS.iter().find(|word| *word == name) {
                    Some(word) => _ = plain.insert(*word),
                    None => named.push(format!("{shown} names {name}")),
                }
            }
        }
    }
    assert_eq!(named, Vec::<String>::new(), "say it in provider.toml or in the plugin instead");
    assert_eq!(plain.into_iter().collect::<Vec<_>>(), PLAIN_WORDS, "words that are no longer used");
}

fn name_of(manifest: &str) -> String {
    let table: toml::Table = manifest.parse().unwrap();
    table["name"].as_str().unwrap().to_owned()
}

/// Whether the name stands in a text as it is written, with no letter or digit right before or after it.
fn stands_in(text: &str, name: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(inner) && !after.is_some_and(inner)
    })
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
