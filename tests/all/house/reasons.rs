//! Every dependency is there for a reason that is written down.

use super::tree;

/// Entries of the root's `[workspace.dependencies]` with no comment above them or above the lines they stand with.
/// Headings (`# -- … --`) are no reasons; our own crates need none.
fn without_reason(manifest: &str) -> Vec<&str> {
    let table = manifest.split_once("[workspace.dependencies]").unwrap().1;
    let table = table.split("\n[").next().unwrap();
    let (mut is_explained, mut missing) = (false, Vec::new());
    for line in table.lines().map(str::trim) {
        if line.is_empty() || line.starts_with("# --") {
            is_explained = false;
        } else if line.starts_with('#') {
            is_explained = true;
        } else if !is_explained && !line.contains("path = ") {
            missing.push(line.split(' ').next().unwrap());
        }
    }
    missing
}

#[test]
fn every_dependency_of_the_workspace_has_its_reason() {
    let manifest = tree::text("Cargo.toml");
    assert_eq!(without_reason(&manifest), Vec::<&str>::new(), "write above each of these why it is there");
}

#[test]
fn an_entry_without_a_reason_is_noticed() {
    let manifest = "[workspace.dependencies]\n# -- ours --\nids = { path = \"x\" }\nodd = \"1\"\n\n# Because.\nserde = \"1\"\nserde_json = \"1\"\n\nlost = \"1\"\n\n[profile]\nx = 1\n";
    assert_eq!(without_reason(manifest), ["odd", "lost"]);
}
