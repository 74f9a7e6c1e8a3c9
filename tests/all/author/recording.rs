//! `patchbay plugin record`, for a connection of a world.

use serde_json::{Value, json};

use super::{folder, succeeds};
use crate::{
    bulk::{connect_many, run},
    support::{Options, World, root},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_8_what_a_live_provider_answers_becomes_a_fixture_without_secrets() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    let connection = connect_many(&world, 1).await.remove(0);
    let folder = folder("record");
    std::fs::copy(root().join("plugins/acme/provider.toml"), folder.join("provider.toml")).unwrap();
    let path = folder.to_str().unwrap().to_owned();
    let arguments = |more: &[&'static str]| {
        let mut arguments = vec!["plugin", "record", &path, "--tenant", "lamplight", "--environment", "prod"];
        arguments.extend(["--connection", &connection]);
        arguments.extend_from_slice(more);
        arguments.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let record = |more: &[&'static str]| {
        let arguments = arguments(more);
        run(&world, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let (output, said) = record(&["--stream", "customers"]);
    assert!(
        output.status.success() && said.contains("customers-recorded.json") && said.contains("It replays"),
        "{said}"
    );
    let text = std::fs::read_to_string(folder.join("fixtures/customers-recorded.json")).unwrap();
    let fixture: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(fixture["call"], json!({ "pull": { "stream": "customers" } }));
    let ids = fixture["expect"]["items"].as_array().unwrap().len();
    assert_eq!(ids, fixture["exchanges"][0]["response"]["body"]["data"].as_array().unwrap().len());
    assert!(ids > 0);
    // Neither the credential nor a header to carry one.
    assert!(!text.to_lowercase().contains("bearer") && !text.to_lowercase().contains("\"authorization\""), "{text}");
    // It is what the plugin's own test replays; the other stream has no fixture yet, which is said.
    let (_, said) = super::plugin(&folder, &["test", "--no-build"], &[]);
    assert!(said.contains("customers-recorded.json  ") && said.contains("stream `orders`: no fixture"), "{said}");
    assert_eq!(said.matches("wrong: ").count(), 1, "{said}");
    succeeds(&root(), &["test", "--no-build", "plugins/acme"]);
    // A dry run tells each record of the pull apart, and leaves things as they are.
    let dry = |more: &[&'static str]| {
        let mut arguments = arguments(more);
        arguments[1] = "dryrun".to_owned();
        run(&world, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let (output, said) = dry(&["--stream", "customers"]);
    assert!(output.status.success() && said.contains("nothing was written"), "{said}");
    let counts = said.lines().find(|line| line.contains(" in 1 page: ")).unwrap_or_else(|| panic!("{said}"));
    let numbers: Vec<usize> = counts.split([' ', ':', ',']).filter_map(|word| word.parse().ok()).collect();
    let [all, _, new, changed, back, gone, unchanged] = numbers[..] else { panic!("{counts}") };
    assert_eq!((all, new + unchanged, changed + back + gone), (ids, ids, 0), "{counts}");
    let (output, said) = dry(&["--stream", "customers", "--cursor", "{\"after\":7}"]);
    assert!(!output.status.success() && said.contains("cursor") && said.contains("nothing was written"), "{said}");
    // Nothing is written over, and nothing is written that is wrong.
    for (more, words) in [
        (&["--stream", "customers"][..], &["is there already", "--name"][..]),
        (&["--stream", "gists"], &["no stream `gists`"]),
        (&["--stream", "orders", "--name", "../up"], &["without a folder"]),
    ] {
        let (output, said) = record(more);
        assert!(!output.status.success() && words.iter().all(|word| said.contains(word)), "{words:?}: {said}");
    }
    assert_eq!(std::fs::read_dir(folder.join("fixtures")).unwrap().count(), 1);
}
