//! Which way things point (ARCHITECTURE.md): who may name what in `[dependencies]`.

use std::collections::{BTreeMap, BTreeSet};

use toml::Table;

use super::tree;

/// A package of the workspace and what it names, tests aside.
struct Package {
    folder: String,
    manifest: String,
    names: BTreeSet<String>,
}

fn packages() -> BTreeMap<String, Package> {
    let manifests =
        tree::files("").into_iter().filter(|path| path.file_name().is_some_and(|name| name == "Cargo.toml"));
    let packages = manifests.filter_map(|path| {
        let manifest = tree::text(&path);
        let table: Table = manifest.parse().unwrap();
        let name = table.get("package")?.get("name")?.as_str()?.to_owned();
        let mut names = BTreeSet::new();
        let targets = table.get("target").and_then(|targets| targets.as_table()).into_iter().flatten();
        let targets = targets.filter_map(|(_, target)| target.as_table());
        for place in targets.chain([&table]) {
            for kind in ["dependencies", "build-dependencies"] {
                names.extend(
                    place
                        .get(kind)
                        .and_then(|kind| kind.as_table())
                        .into_iter()
                        .flatten()
                        .map(|(name, _)| name.clone()),
                );
            }
        }
        let folder = path.parent().unwrap().display().to_string();
        Some((name, Package { folder, manifest, names }))
    });
    packages.collect()
}

#[test]
fn only_these_may_name_the_walls() {
    // What must stay behind one door, and the packages that are the door.
    let doors: &[(&str, &[&str])] = &[
        ("diesel", &["patchbay-store", "patchbay-ids"]),
        ("diesel-async", &["patchbay-store"]),
        ("diesel_migrations", &["patchbay-store"]),
        ("deadpool", &["patchbay-store"]),
        ("tokio-postgres", &["patchbay-store", "tests"]),
        ("reqwest", &["patchbay-egress", "patchbay-vault", "tests"]),
        ("wasmtime", &["patchbay-plugin-host"]),
        ("vaultrs", &["patchbay-vault"]),
        ("rustify", &["patchbay-vault"]),
        ("oauth2", &["patchbay-auth"]),
        ("argon2", &["patchbay-flows"]),
        ("standardwebhooks", &["patchbay-flows", "patchbay-demo", "tests"]),
    ];
    // The same for families: a beginning of the name, and the folders below which it may be named.
    let families: &[(&str, &[&str])] = &[
        ("actix", &["server", "infra/acme", "tests"]),
        ("leptos", &["web/"]),
        ("gloo-", &["web/"]),
        ("wit-bindgen", &["sdk-plugin"]),
    ];
    let packages = packages();
    for (name, package) in &packages {
        for dependency in &package.names {
            if let Some((_, allowed)) = doors.iter().find(|(wall, _)| wall == dependency) {
                assert!(allowed.contains(&name.as_str()), "{name} may not name {dependency}: only {allowed:?} may");
            }
            if let Some((_, allowed)) = families.iter().find(|(family, _)| dependency.starts_with(family)) {
                let fits = |place: &str| {
                    package.folder == place || (place.ends_with('/') && package.folder.starts_with(place))
                };
                assert!(
                    allowed.iter().any(|place| fits(place)),
                    "{name} may not name {dependency}: only {allowed:?} may"
                );
            }
        }
    }
    // Each wall stands, so that the table above cannot quietly be about nothing.
    for (wall, allowed) in doors {
        assert!(packages[allowed[0]].names.contains(*wall), "{} does not name {wall} any more", allowed[0]);
    }
}

#[test]
fn the_key_service_says_why_it_names_reqwest() {
    let packages = packages();
    let manifest = &packages["patchbay-vault"].manifest;
    let lines: Vec<_> = manifest.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("reqwest"));
    assert!(at.is_none_or(|at| lines[at - 1].starts_with("# ")), "the reason stands above it");
}

#[test]
fn our_own_crates_point_one_way() {
    // Each with what it may name of the others; what is not listed may name nothing of the server's.
    let below: &[(&str, &[&str])] = &[
        ("patchbay-ids", &[]),
        ("patchbay-api-types", &["ids"]),
        ("patchbay-domain", &["ids"]),
        ("patchbay-store", &["ids", "domain"]),
        ("patchbay-vault", &["ids", "domain"]),
        ("patchbay-egress", &["ids", "domain"]),
        ("patchbay-auth", &["ids", "domain", "store", "vault", "egress"]),
        ("patchbay-plugin-host", &["ids", "domain", "store", "vault", "egress"]),
        ("patchbay-flows", &["ids", "api-types", "domain", "store", "vault", "egress", "auth", "plugin-host"]),
        // The harness stands beside flows: the author's commands replay in the very host that this binary runs.
        (
            "patchbay",
            &[
                "ids",
                "api-types",
                "domain",
                "store",
                "vault",
                "egress",
                "auth",
                "plugin-host",
                "patchbay-plugin-harness",
                "flows",
            ],
        ),
        ("patchbay-web-client", &["ids", "api-types"]),
        ("patchbay-web-components", &["ids", "api-types", "web-client"]),
        ("patchbay-web-connect", &["ids", "api-types", "web-client", "web-components"]),
        ("patchbay-web-admin", &["ids", "api-types", "web-client", "web-components"]),
        ("patchbay-plugin", &[]),
        ("patchbay-plugin-harness", &["ids", "domain", "plugin-host", "patchbay-plugin"]),
        ("plugin-acme", &["patchbay-plugin"]),
        ("plugin-github", &["patchbay-plugin"]),
        ("plugin-ghost", &["patchbay-plugin"]),
        ("plugin-gitlab", &["patchbay-plugin"]),
        ("plugin-google-calendar", &["patchbay-plugin"]),
        ("plugin-hubspot", &["patchbay-plugin"]),
        ("plugin-notion", &["patchbay-plugin"]),
        ("plugin-quickbooks", &["patchbay-plugin"]),
        ("plugin-shopify", &["patchbay-plugin"]),
        ("plugin-slack", &["patchbay-plugin"]),
        ("plugin-stripe", &["patchbay-plugin"]),
        ("plugin-zendesk", &["patchbay-plugin"]),
        ("patchbay-acme", &[]),
        ("patchbay-pg", &[]),
        ("patchbay-dev", &["pg"]),
        ("patchbay-demo", &["pg", "acme"]),
        ("patchbay-bench", &["ids", "domain", "egress", "guests", "vault", "pg"]),
        ("patchbay-pack", &[]),
        ("patchbay-guests", &[]),
    ];
    let workspace: Table = tree::text("Cargo.toml").parse().unwrap();
    let ours = workspace["workspace"]["dependencies"].as_table().unwrap();
    let ours: BTreeSet<_> =
        ours.iter().filter(|(_, entry)| entry.get("path").is_some()).map(|(name, _)| name.as_str()).collect();
    assert!(ours.len() > 10, "the table of our own crates was read: {ours:?}");
    for (name, package) in packages() {
        if name == "tests" {
            continue;
        }
        let rule = below.iter().find(|(listed, _)| *listed == name);
        let (_, allowed) =
            rule.unwrap_or_else(|| panic!("say in this table what {name} ({}) may point at", package.folder));
        for dependency in package.names.iter().filter(|dependency| ours.contains(dependency.as_str())) {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{name} may not point at {dependency}: only at {allowed:?}"
            );
        }
    }
}

#[test]
fn members_take_every_dependency_from_the_workspace() {
    for (name, package) in packages() {
        let table: Table = package.manifest.parse().unwrap();
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            for (dependency, entry) in table.get(kind).and_then(|kind| kind.as_table()).into_iter().flatten() {
                let shared = entry.get("workspace").and_then(toml::Value::as_bool) == Some(true);
                assert!(
                    shared,
                    "{name}: {dependency} has a version of its own; name it in the root's table, with its reason"
                );
            }
        }
    }
}
