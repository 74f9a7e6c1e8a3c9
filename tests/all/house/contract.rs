//! The contract with plugins is frozen: components that were built after it are out there, and what their authors read
//! is its text. A change is a new version beside it.

use aws_lc_rs::digest::{SHA256, digest};

use super::tree;

/// Every file of it with its SHA-256. Only ever added to.
const FROZEN: &[(&str, &str)] = &[
    ("sdk-plugin/wit/v1/provider.wit", "a7aa636c0caa050f71bb9eee70a0c1426567e90690c6bbd562fd867af1de4b2d"),
    ("sdk-plugin/wit/v2/provider.wit", "6d324f9a0cf9723501fa16ec4805a969a3e32cd56418e5570a5534e9b989e56d"),
];

#[test]
fn the_contract_is_what_it_was_when_it_was_frozen() {
    let files = tree::files("sdk-plugin/wit");
    let found: Vec<(String, String)> = files
        .iter()
        .map(|path| (path.display().to_string(), hex::encode(digest(&SHA256, tree::text(path).as_bytes()))))
        .collect();
    let frozen: Vec<(String, String)> =
        FROZEN.iter().map(|(path, hash)| ((*path).to_owned(), (*hash).to_owned())).collect();
    assert_eq!(found, frozen, "write a new version beside it, and its hash here");
}
