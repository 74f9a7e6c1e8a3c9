//! The command line on what cannot be: its words name the file, the line, the field, and what to do.

use std::{fs, path::Path, process::Output};

use super::guest;
use crate::support::{patchbay_binary, pushing};

/// Runs the server's binary, with settings as its environment alone gives them.
fn patchbay(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = std::process::Command::new(patchbay_binary());
    command
        .args(arguments)
        .current_dir(crate::support::root().join("target/tests"))
        .env("PATCHBAY_PLUGINS__CACHE_DIR", "");
    command.envs(settings.iter().copied()).output().unwrap()
}

/// `patchbay plugin check` of a path fails; gives what it said.
#[track_caller]
fn refused(path: &Path) -> String {
    let output = patchbay(&["plugin", "check", path.to_str().unwrap()], &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{} was taken", path.display());
    assert!(said.starts_with("patchbay: ") && said.trim().lines().count() <= 4, "one message, no backtrace: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[test]
fn a_malformed_manifest_is_refused_with_file_line_and_field() {
    let good = guest::manifest();
    let component = guest::component("", "");
    let line_of = |text: &str, of: &str| text.lines().position(|line| line.contains(of)).unwrap() + 1;
    for (test, from, to, field) in [
        ("schema", "schema = 1", "schema = 9", "schema"),
        ("slug", "slug = \"acme\"", "slug = \"No Slug\"", "slug"),
        ("category", "category = \"commerce\"", "category = \"shops\"", "category"),
        ("unknown-field", "token_url = ", "tokn_url = ", "tokn_url"),
        ("mode", "mode = \"oauth2_code\"", "mode = \"magic\"", "mode"),
        ("stream-mode", "mode = \"full\"", "mode = \"sometimes\"", "mode"),
        ("template", "token_url = \"{auth}/token\"", "token_url = \"{nowhere}/token\"", "token_url"),
        ("leaves", "token_url = \"{auth}/token\"", "token_url = \"https://evil.example@{auth}/token\"", "token_url"),
        ("zero", "every_minutes = 60", "every_minutes = 0", "every_minutes"),
        ("type", "every_minutes = 60", "every_minutes = \"often\"", "every_minutes"),
        (
            "credential",
            "[identity]",
            "credential = { headers = { Authorization = \"Bearer\" } }\n[identity]",
            "access_token",
        ),
    ] {
        assert!(good.contains(from), "the manifest has `{from}`");
        let text = good.replacen(from, to, 1);
        let file = guest::manifest_in(&guest::folder(&format!("manifest-{test}"), &text, Some(&component)));
        let said = refused(&file);
        let line = line_of(&text, to.lines().next().unwrap());
        let place = format!("provider.toml:{line}");
        assert!(said.contains(&place) && said.contains(field), "{test}: {place} and {field} are not in: {said}");
    }
}

#[test]
fn what_is_no_manifest_is_refused() {
    let component = guest::component("", "");
    for (test, text, words) in [
        ("no-toml", "schema = 1\nslug = \n", &["provider.toml:2"][..]),
        ("empty", "", &["provider.toml", "schema"]),
        ("binary", "\u{0}\u{1}\u{2}", &["provider.toml:1"]),
        ("html", "<html>404 Not Found</html>", &["provider.toml:1"]),
    ] {
        let file = guest::manifest_in(&guest::folder(&format!("file-{test}"), text, Some(&component)));
        let said = refused(&file);
        assert!(words.iter().all(|word| said.contains(word)), "{test}: {words:?} are not in: {said}");
    }
    let said = refused(Path::new("nowhere/at/all.toml"));
    assert!(said.contains("nowhere/at/all.toml") && said.contains("cannot be read"), "{said}");
}

#[test]
fn pl_5_what_is_no_component_is_refused_with_what_to_do() {
    let whole = guest::component("", "");
    let wasi = wat::parse_str(r#"(component (import "wasi:sockets/tcp@0.2.3" (instance)))"#).unwrap();
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("text", b"this is no component".to_vec(), &["not a WebAssembly component", "Build the plugin"]),
        ("nothing", Vec::new(), &["not a WebAssembly component"]),
        ("core", guest::module("", ""), &["core WebAssembly module", "component"]),
        ("half", whole[..whole.len() / 2].to_vec(), &["plugin.wasm"]),
        ("wasi", wasi, &["wasi:sockets/tcp", "wasm32-unknown-unknown"]),
        ("other-world", wat::parse_str("(component)").unwrap(), &["not a provider plugin"]),
    ];
    for (test, bytes, words) in cases {
        let folder = guest::folder(&format!("component-{test}"), &guest::manifest(), Some(&bytes));
        let said = refused(&folder.join("acme"));
        assert!(said.contains("plugin.wasm"), "it names the file: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{test}: {words:?} are not in: {said}");
    }
    let missing = guest::folder("component-missing", &guest::manifest(), None);
    let said = refused(&missing.join("acme"));
    assert!(said.contains("plugin.wasm") && said.contains("cannot be read"), "{said}");
    // What is sound is said to be sound.
    let sound = guest::folder("component-sound", &guest::manifest(), Some(&whole));
    let output = patchbay(&["plugin", "check", sound.join("acme").to_str().unwrap()], &[]);
    assert!(
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("Acme (acme) is sound"),
        "{output:?}"
    );
}

#[test]
fn a_server_does_not_start_with_a_bad_provider_or_two_of_one_name() {
    let good = guest::manifest();
    let folder = guest::folder("two", &good, Some(&guest::component("", "")));
    fs::create_dir_all(folder.join("catalog")).unwrap();
    let second = pushing::without_code(&good);
    fs::write(folder.join("catalog/other.toml"), second).unwrap();
    let output = patchbay(
        &["doctor"],
        &[
            ("PATCHBAY_PLUGINS__DIR", folder.to_str().unwrap()),
            ("PATCHBAY_DATABASE__URL", "postgres://postgres@127.0.0.1:9/none"),
        ],
    );
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("FAIL  plugins") && said.contains("other.toml") && said.contains("acme"), "{said}");
    // One run tells all that is wrong.
    assert!(said.contains("FAIL  database") && said.contains("FAIL  migrations"), "{said}");
}

#[test]
fn wrong_settings_are_named_with_what_to_write() {
    for (name, value, words) in [
        ("PATCHBAY_SERVER__PUBLIC_URL", "https://x.example/path", &["server.public_url", "origin"][..]),
        ("PATCHBAY_SERVER__PUBLIC_URL", "http://x.example", &["server.public_url", "https"]),
        ("PATCHBAY_DATABASE__URL", "mysql://x", &["database.url"]),
        ("PATCHBAY_OPERATOR__TOKEN", "short", &["operator.token"]),
        ("PATCHBAY_LIMITS__REQUESTS_PER_SECOND", "0", &["limits.requests_per_second"]),
        ("PATCHBAY_SERVER__BNID", "127.0.0.1:1", &["bnid"]),
        ("PATCHBAY_EGRESS__ALLOW_RANGES", "[\"10.0.0.0/99\"]", &["allow_ranges"]),
    ] {
        let output = patchbay(&["doctor"], &[(name, value)]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.starts_with("patchbay: configuration: "), "{name}: {said}");
        assert!(words.iter().all(|word| said.to_lowercase().contains(word)), "{name}: {words:?} are not in: {said}");
        assert!(!said.contains("short"), "a secret is not repeated: {said}");
    }
}
