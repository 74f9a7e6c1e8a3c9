//! The schemas of the repository's actions say what their plugins take and give: the recorded exchanges are held against
//! them.
#![cfg(test)]

use std::{fs, path::Path};

use patchbay_domain::manifest::Manifest;
use serde_json::Value;

#[test]
fn e_7_every_action_of_ours_is_typed_and_what_was_recorded_fits() {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../plugins");
    let (mut actions, mut calls) = (0, 0);
    for folder in fs::read_dir(plugins).unwrap().map(|entry| entry.unwrap().path()) {
        let Ok(text) = fs::read_to_string(folder.join("provider.toml")) else { continue };
        let manifest = Manifest::parse(&folder.display().to_string(), &text).unwrap();
        for action in &manifest.actions {
            let name = format!("{}: {}", manifest.slug, action.name);
            assert!(action.input.is_some() && action.output.is_some(), "{name} says neither or one of both");
            assert!(action.description.is_some(), "{name}: what does it do?");
            actions += 1;
        }
        let Ok(fixtures) = fs::read_dir(folder.join("fixtures")) else { continue };
        for file in fixtures.map(|entry| entry.unwrap().path()) {
            let fixture: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
            let Some(call) = fixture.pointer("/call/act") else { continue };
            let Some(action) = call["action"].as_str().and_then(|name| manifest.action(name)) else { continue };
            // What the provider or the plugin refuses may be refused by the schema as well.
            let Some(output) = fixture.pointer("/expect/output") else { continue };
            assert_eq!(action.input_flaws(&call["input"]), [], "{}", file.display());
            assert_eq!(action.output_flaws(output), [], "{}", file.display());
            calls += 1;
        }
    }
    assert!(actions >= 20 && calls >= 20, "{actions} actions, {calls} calls");
}
