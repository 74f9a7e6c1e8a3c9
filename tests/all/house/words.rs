//! Words that may stand in no file: registries' hosts, notes to self.

use super::tree;

/// Hosts of package registries and mirrors, in pieces, so that this file does not name them either.
fn registries() -> Vec<String> {
    let hosts: &[&[&str]] = &[
        &["crates", "io"],
        &["rust-lang", "org"],
        &["rustup", "rs"],
        &["npmjs", "org"],
        &["npmjs", "com"],
        &["yarnpkg", "com"],
        &["pypi", "org"],
        &["pythonhosted", "org"],
        &["debian", "org"],
        &["ubuntu", "com"],
        &["alpinelinux", "org"],
        &["rubygems", "org"],
        &["golang", "org"],
        &["docker", "io"],
        &["docker", "com"],
        &["ghcr", "io"],
        &["quay", "io"],
        &["gcr", "io"],
        &["maven", "org"],
        &["hashicorp", "com"],
    ];
    hosts.iter().map(|parts| parts.join(".")).collect()
}

fn names_host(text: &str, host: &str) -> bool {
    text.match_indices(host).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + host.len()..].chars().next();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '-')
            && !after.is_some_and(|c| c.is_alphanumeric() || c == '-')
    })
}

#[test]
fn no_file_names_a_registry() {
    let hosts = registries();
    let mut named = Vec::new();
    for (path, text) in tree::texts("") {
        for host in &hosts {
            for (number, line) in text.lines().enumerate() {
                // Cargo writes into its lock file where a crate's name is looked up; it reads the machine's own settings.
                if names_host(line, host) && !(path.ends_with("Cargo.lock") && line.starts_with("source = ")) {
                    named.push(format!("{}:{}: {host}", path.display(), number + 1));
                }
            }
        }
    }
    assert_eq!(named, Vec::<String>::new(), "the machine's own configuration says where packages come from");
}

#[test]
fn hosts_are_found_with_and_without_what_stands_before_them() {
    let host = ["example", "org"].join(".");
    assert!(names_host("https://static.example.org/x", &host) && names_host("example.org", &host));
    assert!(!names_host("myexample.org", &host) && !names_host("example.organ", &host));
}

#[test]
fn nothing_is_left_for_later_in_a_comment() {
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X:"].concat(), ["HA", "CK:"].concat()];
    let mut left = Vec::new();
    for (path, text) in tree::texts("") {
        if path.ends_with("package-lock.json") || path.ends_with("Cargo.lock") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark.as_str())) {
                left.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn no_file_names_a_folder_of_somebodys_machine() {
    let homes = [["/ho", "me/"].concat(), ["/ro", "ot/"].concat(), ["/Us", "ers/"].concat(), ["/wo", "rk/"].concat()];
    let mut named = Vec::new();
    // The catalogue's paths are those of URLs.
    for (path, text) in tree::texts("").into_iter().filter(|(path, _)| !path.starts_with("plugins/catalog")) {
        for (number, line) in text.lines().enumerate() {
            if homes.iter().any(|home| line.contains(home.as_str())) {
                named.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert_eq!(named, Vec::<String>::new());
}
