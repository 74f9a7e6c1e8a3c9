//! The manifests of the repository: all are sound, and what is generated from them is up to date.
#![cfg(test)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use patchbay_domain::manifest::{CatalogFile, Coverage, Manifest, coverage_page, json_schema_text, lint, reference};

fn plugins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../plugins")
}

fn files() -> Vec<CatalogFile> {
    let within = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let with_code = within(plugins()).map(|folder| folder.join("provider.toml")).filter(|file| file.is_file());
    let entries = within(plugins().join("catalog")).filter(|file| file.extension().is_some_and(|end| end == "toml"));
    let mut found: Vec<CatalogFile> = with_code
        .chain(entries)
        .map(|file| {
            let shown = file.strip_prefix(plugins()).unwrap().to_str().unwrap().to_owned();
            CatalogFile { path: format!("plugins/{shown}"), text: fs::read_to_string(file).unwrap() }
        })
        .collect();
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn sound() -> Vec<Manifest> {
    let files = files();
    let (manifests, errors) = lint(&files);
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{}\n{} errors in {} files", shown.join("\n"), errors.len(), files.len());
    assert_eq!(manifests.len(), files.len());
    manifests
}

#[test]
fn every_manifest_in_the_catalog_is_sound() {
    assert!(sound().len() >= 400);
}

#[test]
fn what_is_generated_from_the_catalog_is_up_to_date() {
    let written = |name: &str| fs::read_to_string(plugins().join(name)).unwrap_or_default();
    let way = "run `cargo dev manifests`";
    for (name, ought) in [
        ("provider.schema.json", json_schema_text()),
        ("PROVIDER.md", reference()),
        ("COVERAGE.md", coverage_page(&sound())),
    ] {
        let is = written(name);
        for (number, (is, ought)) in is.lines().zip(ought.lines()).enumerate() {
            assert_eq!(is, ought, "plugins/{name}:{}: {way}", number + 1);
        }
        assert_eq!(is.lines().count(), ought.trim_end().lines().count(), "plugins/{name}: {way}");
    }
}

#[test]
fn the_catalog_only_grows() {
    let table: toml::Table = fs::read_to_string(plugins().join("coverage.min.toml")).unwrap().parse().unwrap();
    let least: BTreeMap<&str, usize> =
        table.iter().map(|(name, count)| (name.as_str(), count.as_integer().unwrap().try_into().unwrap())).collect();
    let counts = Coverage::of(&sound()).counts();
    assert_eq!(least.len(), counts.len(), "each count has its minimum");
    for (name, count) in counts {
        let least = least[name.replace(' ', "_").as_str()];
        assert!(count >= least, "{name}: {count} were {least} once; what was known must not be lost");
    }
}

#[test]
fn the_lint_of_a_catalog_finds_what_one_file_cannot_break() {
    let file = |path: &str, slug: &str, verified: &str| CatalogFile {
        path: path.into(),
        text: format!(
            "schema = 1\nslug = \"{slug}\"\nname = \"One\"\ncategory = \"commerce\"\ndocs = \"https://one.example\"\n\
             {verified}\n[auth]\nmode = \"none\"\n[api]\nbase_url = \"https://api.one.example\"\n"
        ),
    };
    let verified = "verified = { by = \"live\", on = 2026-01-31 }";
    let errors = |files: &[CatalogFile]| -> Vec<String> { lint(files).1.iter().map(ToString::to_string).collect() };
    assert_eq!(errors(&[file("catalog/one.toml", "one", verified), file("two/provider.toml", "two", "")]), [""; 0]);
    assert_eq!(errors(&[file("anywhere.toml", "one", "")]), [""; 0]);
    let other = errors(&[file("catalog/one.toml", "two", verified)]);
    assert_eq!(other, ["catalog/one.toml:2: slug: `two` is not the name of its place; did you mean `one`?"]);
    let twice = errors(&[file("catalog/one.toml", "one", verified), file("one/provider.toml", "one", verified)]);
    assert_eq!(twice, ["one/provider.toml:2: slug: `one` is there twice"]);
    let unverified = errors(&[file("catalog/one.toml", "one", "")]);
    assert!(unverified[0].starts_with("catalog/one.toml:1: verified: say against what"), "{unverified:?}");
}
