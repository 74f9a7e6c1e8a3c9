//! Names that say nothing, and files that grew too long.

use super::tree;

#[test]
fn nothing_is_called_utils() {
    let vague = ["utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"];
    let found: Vec<_> = tree::files("")
        .into_iter()
        .filter(|path| {
            let mut parts = path.components().map(|part| part.as_os_str().to_str().unwrap());
            parts.any(|part| vague.contains(&part.split('.').next().unwrap()))
        })
        .collect();
    assert_eq!(found, Vec::<std::path::PathBuf>::new(), "name them after what they do");
}

/// No gate: a longer file that is one thing may stay. The list is for whoever reads the output of the tests.
#[test]
fn long_files_are_listed() {
    for (path, text) in tree::texts("") {
        let lines = text.lines().count();
        if path.extension().is_some_and(|extension| extension == "rs") && lines > 400 && !path.ends_with("schema.rs") {
            println!("{}: {lines} lines", path.display());
        }
    }
}

#[test]
fn the_top_level_is_as_the_architecture_says() {
    let folders = ["server", "web", "plugins", "sdk-plugin", "migrations", "infra", "tests"];
    for path in tree::files("") {
        let mut parts = path.components();
        let first = parts.next().unwrap().as_os_str().to_str().unwrap();
        let is_folder = parts.next().is_some();
        assert!(
            !is_folder || first.starts_with('.') || folders.contains(&first),
            "{}: no such top-level folder",
            path.display()
        );
    }
    for folder in folders {
        assert!(tree::root().join(folder).is_dir(), "{folder} is missing");
    }
}
