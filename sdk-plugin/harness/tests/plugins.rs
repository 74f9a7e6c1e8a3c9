//! Every plugin of this repository is examined, in one program: the host is large, and linking it once for each
//! plugin would take longer than all of their tests.

#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use patchbay_plugin_harness::{Call, Fixture, ProviderFolder, examine_folder};
use serde_json::Value;

fn plugins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins")
}

/// Folders that have a manifest and code.
fn folders() -> BTreeMap<String, PathBuf> {
    let entries = std::fs::read_dir(plugins()).unwrap().map(|entry| entry.unwrap());
    let coded = entries.filter(|entry| {
        let folder = entry.path();
        folder.join("provider.toml").is_file() && folder.join("Cargo.toml").is_file()
    });
    coded.map(|entry| (entry.file_name().into_string().unwrap(), entry.path())).collect()
}

/// A test for each, so that they run beside one another and each says its own name.
macro_rules! examined {
    ($($name:ident = $slug:literal,)*) => {
        $(
            #[test]
            fn $name() {
                let found = examine_folder(&plugins().join($slug)).unwrap().passed().unwrap();
                assert!(found.resumed > 0 && found.injected > 0, "{:#?}", found.notes);
                println!("{} fixtures: {:#?}", found.replayed.len(), found.notes);
            }
        )*

        #[test]
        fn none_is_left_out() {
            let found: Vec<String> = folders().into_keys().collect();
            assert_eq!(found, [$($slug),*], "each folder has its line here");
        }
    };
}

examined! {
    acme = "acme",
    ghost = "ghost",
    github = "github",
    gitlab = "gitlab",
    google_calendar = "google-calendar",
    hubspot = "hubspot",
    notion = "notion",
    quickbooks = "quickbooks",
    shopify = "shopify",
    slack = "slack",
    stripe = "stripe",
    zendesk = "zendesk",
}

/// What a plugin's fixtures show at least.
#[test]
fn fixtures_show_all_that_a_plugin_promises() {
    let mut missing = Vec::new();
    for (slug, folder) in folders() {
        let provider = ProviderFolder::open(&folder).unwrap();
        let fixtures: Vec<Fixture> =
            provider.fixtures().unwrap().iter().map(|path| Fixture::read(path).unwrap()).collect();
        let failing = |blame: &str| {
            let blamed = |f: &&Fixture| f.expect.failure.as_ref().is_some_and(|failure| failure.blame == blame);
            fixtures.iter().filter(blamed).filter(|f| matches!(f.call, Call::Pull { .. })).count() > 0
        };
        let mut need = |what: String, is_there: bool| {
            if !is_there {
                missing.push(format!("{slug}: {what}"));
            }
        };
        for stream in &provider.manifest.streams {
            let pulls = |f: &&Fixture| matches!(&f.call, Call::Pull { stream: called, .. } if *called == stream.name);
            need(
                format!("the stream {} to its end", stream.name),
                fixtures.iter().filter(pulls).any(|f| f.expect.failure.is_none()),
            );
        }
        for action in &provider.manifest.actions {
            let acts = |f: &&Fixture| matches!(&f.call, Call::Act { action: called, .. } if *called == action.name);
            need(
                format!("the action {}", action.name),
                fixtures.iter().filter(acts).any(|f| f.expect.failure.is_none()),
            );
        }
        need("two streams or actions".into(), provider.manifest.streams.len() + provider.manifest.actions.len() >= 2);
        if let Some(webhook) = &provider.manifest.webhook {
            let told: Vec<&Vec<Value>> = fixtures
                .iter()
                .filter(|f| matches!(f.call, Call::RouteWebhook(_)))
                .filter_map(|f| f.expect.output.as_ref()?.as_array())
                .collect();
            let leads_to = |stream: &String| {
                let names = |route: &Value| {
                    let streams = route["streams"].as_array();
                    streams.is_some_and(|streams| streams.iter().any(|name| name.as_str() == Some(stream.as_str())))
                };
                webhook.routes.iter().any(|route| route.streams.contains(stream))
                    || told.iter().any(|routes| routes.iter().any(names))
            };
            let realtime: Vec<&String> =
                provider.manifest.streams.iter().filter(|s| s.realtime).map(|s| &s.name).collect();
            need("a real-time stream, as it has webhooks".into(), !realtime.is_empty());
            for stream in realtime {
                need(format!("a delivery that tells of {stream}"), leads_to(stream));
            }
            need(
                "a delivery that tells of nothing that is synced".into(),
                !webhook.routes.is_empty() || told.iter().any(|routes| routes.is_empty()),
            );
        }
        need("a walk of several pages".into(), fixtures.iter().any(|f| f.expect.pages.is_some_and(|pages| pages > 1)));
        need(
            "a credential that works".into(),
            fixtures.iter().any(|f| matches!(f.call, Call::Verify {}) && f.expect.failure.is_none()),
        );
        need(
            "a credential that does not".into(),
            fixtures.iter().any(|f| matches!(f.call, Call::Verify {}) && f.expect.failure.is_some()),
        );
        need("a pull that is refused".into(), failing("end_user"));
        need("a pull that has to wait or meets a wrong shape".into(), failing("provider"));
        need("a cursor that is not known".into(), failing("cursor_expired"));
        let classified: BTreeSet<u16> = fixtures
            .iter()
            .filter_map(|f| match (&f.call, &f.expect.output) {
                (Call::ClassifyError { status, .. }, Some(output)) if !output.is_null() => Some(*status),
                _ => None,
            })
            .collect();
        for status in [401, 403, 404, 409, 429] {
            need(format!("what {status} means"), classified.contains(&status));
        }
        need("what 5xx means".into(), classified.iter().any(|status| (500..=599).contains(status)));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
