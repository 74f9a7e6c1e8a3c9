//! The files of the project.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The project's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The text of a file, by its path from the root.
pub(crate) fn text(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file of the project below a folder (empty for all), as paths from the root; what `.gitignore` names is left out.
pub(crate) fn files(below: &str) -> Vec<PathBuf> {
    let ignored = fs::read_to_string(root().join(".gitignore")).unwrap();
    let ignored: Vec<_> = ignored.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(below)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            let path = folder.join(&name);
            if name == ".git" || ignored.iter().any(|pattern| is_ignored(&path, &name, pattern)) {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The few forms of pattern that our `.gitignore` has: `/a/b` from the root, `*.end`, and a name anywhere.
fn is_ignored(path: &Path, name: &str, pattern: &str) -> bool {
    if let Some(from_root) = pattern.strip_prefix('/') {
        path == Path::new(from_root.trim_end_matches('/'))
    } else if let Some(ending) = pattern.strip_prefix('*') {
        name.ends_with(ending)
    } else {
        name == pattern.trim_end_matches('/')
    }
}

/// Files whose text can be read, with it. Those that are not text are left out.
pub(crate) fn texts(below: &str) -> Vec<(PathBuf, String)> {
    let read = |path: PathBuf| fs::read_to_string(root().join(&path)).ok().map(|text| (path, text));
    files(below).into_iter().filter_map(read).collect()
}

/// Whether `word` stands in `text` by itself: no letter or digit right before or after it. Upper and lower case are one.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    let (text, word) = (text.to_lowercase(), word.to_lowercase());
    text.match_indices(&word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !joins(before) && !joins(after)
    })
}

#[test]
fn words_are_found_only_by_themselves() {
    assert!(has_word("an Acme shop", "acme") && has_word("plugin_acme.wasm", "acme") && has_word("acme", "acme"));
    assert!(!has_word("placemen", "acme") && !has_word("acmes", "acme") && has_word("acmes acme", "acme"));
}

#[test]
fn what_git_ignores_is_not_looked_at() {
    let files = files("");
    assert!(files.contains(&PathBuf::from("Cargo.toml")) && files.contains(&PathBuf::from("tests/all/house/tree.rs")));
    assert!(!files.iter().any(|path| path.starts_with("target") || path.starts_with(".cache")));
    assert!(!files.iter().any(|path| path.components().any(|part| part.as_os_str() == "node_modules")));
}
