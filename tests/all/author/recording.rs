//! `patchbay plugin record` and `dryrun`, for a connection of a world.

use acme::{Command, Kind};
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

const SHOP: &str = "shop_north";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_8_a_dry_run_shows_what_a_run_would_write_and_writes_nothing() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    let connection = connect_many(&world, 1).await.remove(0);
    world.synced(&connection).await;
    let folder = folder("dryrun");
    std::fs::copy(root().join("plugins/acme/provider.toml"), folder.join("provider.toml")).unwrap();
    let path = folder.to_str().unwrap().to_owned();
    let dry = |more: &[&str]| {
        let mut arguments = vec!["plugin", "dryrun", &path, "--tenant", "lamplight", "--environment", "prod"];
        arguments.extend(["--connection", &connection]);
        arguments.extend_from_slice(more);
        run(&world, &arguments)
    };
    // The world at the provider goes on, and one customer is kept as deleted who is there.
    let customers = world.acme().ids(SHOP, Kind::Customers);
    let [gone, changed, back] = [0, 1, 2].map(|place| customers[place].clone());
    let tell = |command: Command| world.acme().control(command).unwrap();
    tell(Command::Delete { account: SHOP.into(), kind: Kind::Customers, ids: vec![gone.clone()] });
    tell(Command::Update { account: SHOP.into(), kind: Kind::Customers, ids: vec![changed.clone()] });
    tell(Command::Add { account: SHOP.into(), kind: Kind::Customers, count: 1 });
    let later = world.acme().ids(SHOP, Kind::Customers);
    let new = later.iter().find(|id| !customers.contains(id)).unwrap();
    let order = world.acme().ids(SHOP, Kind::Orders).remove(0);
    tell(Command::Delete { account: SHOP.into(), kind: Kind::Orders, ids: vec![order.clone()] });
    world.sql(&format!("UPDATE records SET deleted_at = now() WHERE external_id = '{back}'")).await;
    let before = written(&world).await;

    let (output, said) = dry(&["--stream", "customers"]);
    assert!(output.status.success() && said.contains("nothing was written"), "{said}");
    assert!(said.contains("1 new, 1 changed, 1 back, 0 gone"), "{said}");
    // Each with the beginning of what it is, or was.
    for line in [format!("+ {new}"), format!("+ {back} (was deleted)"), format!("- {gone}")] {
        assert!(said.contains(&format!("{line}\n    {{\"")), "{line}: {said}");
    }
    assert!(said.contains(&format!("~ {changed}\n")), "{said}");
    assert!(said.contains("1 record stored and not pulled"), "{said}");
    let (_, said) = dry(&["--stream", "customers", "--show", "0"]);
    assert!(said.contains("1 record stored and not pulled") && !said.contains(&format!("- {gone}")), "{said}");
    let (_, said) = dry(&["--stream", "orders"]);
    assert!(said.contains(&format!("- {order}\n    {{\"")) && said.contains("1 gone"), "{said}");

    assert_eq!(written(&world).await, before);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_8_a_dry_run_of_a_variant_is_told_what_its_runs_are() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    let connection = connect_many(&world, 1).await.remove(0);
    world.synced(&connection).await;
    let folder = folder("dryrun-variant");
    std::fs::copy(root().join("plugins/acme/provider.toml"), folder.join("provider.toml")).unwrap();
    let path = folder.to_str().unwrap().to_owned();
    let dry = |more: &[&str]| {
        let mut arguments = vec!["plugin", "dryrun", &path, "--tenant", "lamplight", "--environment", "prod"];
        arguments.extend(["--connection", &connection, "--stream", "orders"]);
        arguments.extend_from_slice(more);
        run(&world, &arguments)
    };
    let age = "SELECT extract(day FROM now() - min((body->>'updated_at')::timestamptz))::int \
               FROM records JOIN syncs USING (sync_id) WHERE stream = 'orders'";
    let age: u32 = world.one(age).await.parse().unwrap();
    for wish in [
        json!({ "stream": "orders", "variant": "small-pages", "params": { "page_size": 50 } }),
        json!({ "stream": "orders", "variant": "recent", "backfill_days": (age / 2).max(1) }),
    ] {
        world.key().post(&format!("/v1/connections/{connection}/syncs"), &wish).await.ok();
    }
    world.synced(&connection).await;
    let before = written(&world).await;

    let orders = world.acme().ids(SHOP, Kind::Orders).len();
    let pages = format!(" in {} pages: 0 new, 0 changed, 0 back, 0 gone, {orders} unchanged", orders.div_ceil(50));
    let (output, said) = dry(&["--variant", "small-pages"]);
    assert!(output.status.success() && said.contains(&pages), "{pages}: {said}");
    let (_, said) = dry(&[]);
    assert!(!said.contains(&pages) && said.contains(&format!("{orders} unchanged")), "{said}");
    // As far back as its own runs went, and held against what they brought.
    let recent = "SELECT count(*) FROM records JOIN syncs USING (sync_id) WHERE variant = 'recent'";
    let recent: usize = world.one(recent).await.parse().unwrap();
    assert!(recent < orders, "the window is all of them");
    let (_, said) = dry(&["--variant", "recent"]);
    assert!(said.contains(&format!("0 new, 0 changed, 0 back, 0 gone, {recent} unchanged")), "{said}");
    let (output, said) = dry(&["--variant", "large"]);
    let words = ["no variant `large`", "small-pages", "recent"];
    assert!(!output.status.success() && words.iter().all(|word| said.contains(word)), "{said}");

    assert_eq!(written(&world).await, before);
    world.end().await;
}

/// What runs write: records, to the letter, their numbers, and where the syncs stand.
async fn written(world: &World) -> Vec<String> {
    let mut state = Vec::new();
    for query in [
        "SELECT count(*) FROM records",
        "SELECT max(seq) FROM records",
        "SELECT md5(string_agg(r::text, '|' ORDER BY r::text)) FROM records r",
        "SELECT string_agg(concat_ws(' ', sync_id, cursor, last_seq), '|' ORDER BY sync_id) FROM syncs",
        "SELECT count(*) FROM runs",
    ] {
        state.push(world.one(query).await);
    }
    state
}
