//! `patchbay connections import`.

use std::{fs, process::Stdio, time::Instant};

use acme::{Fault, Misbehaviour};
use serde_json::{Value, json};

use super::{command, folder, key_integration, mint, run};
use crate::support::{Options, PATIENCE, World, spawn, until};

/// `patchbay connections import` of a file.
fn import<'a>(file: &'a str, integration: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec![
        "connections",
        "import",
        file,
        "--tenant",
        "lamplight",
        "--environment",
        "prod",
        "--integration",
        integration,
    ];
    arguments.extend_from_slice(more);
    arguments
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_8_a_file_with_wrong_rows_brings_the_others_and_nothing_twice() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    key_integration(&world, false).await;
    let folder = folder("csv");
    let key = |shop: &str| mint(&world, shop)["access_token"].as_str().unwrap().to_owned();
    let file = folder.join("shops.csv");
    let good: Vec<String> = ["shop_north", "shop_south", "shop_north"].map(key).to_vec();
    let text = format!(
        "external_id,end_user.id,end_user.name,fields.api_key,tags.plan\n\
         a,merchant-1,\"Northwind, Ltd\",{},gold\n,merchant-2,,,\nb,merchant-1,,{},\n,merchant-3,,{},\nb,merchant-9,,{},\nx,y\n",
        good[0], good[1], good[2], good[0]
    );
    fs::write(&file, &text).unwrap();
    let errors = folder.join("errors.jsonl");
    let arguments = import(file.to_str().unwrap(), "keyed", &["--errors", errors.to_str().unwrap()]);
    let (output, said) = run(&world, &arguments);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("6 rows: 3 connections made, 0 there already, 3 wrong."), "{said}");
    assert!(good.iter().all(|key| !said.contains(key.as_str())), "no secret is repeated: {said}");
    let listed = fs::read_to_string(&errors).unwrap();
    let listed: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let places: Vec<_> =
        listed.iter().map(|one| (one["line"].as_u64().unwrap(), one["field"].as_str().unwrap())).collect();
    assert_eq!(places, [(3, "fields.api_key"), (6, "external_id"), (7, "")], "{listed:?}");
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "3");
    assert_eq!(world.one("SELECT tags->>'plan' FROM connections WHERE end_user_name = 'Northwind, Ltd'").await, "gold");
    // The same file again, and the mended one.
    let (_, said) = run(&world, &arguments);
    assert!(said.contains("6 rows: 0 connections made, 3 there already, 3 wrong."), "{said}");
    let mended = text.replace("merchant-2,,,", &format!("merchant-2,,{},", good[1])).replace("x,y\n", "");
    fs::write(&file, mended.replace("b,merchant-9", "c,merchant-9")).unwrap();
    let (output, said) = run(&world, &arguments);
    assert!(
        output.status.success() && said.contains("5 rows: 2 connections made, 3 there already, 0 wrong."),
        "{said}"
    );
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "5");
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'connection.created'").await, "5");
    let dump = world.database().dump().await;
    assert!(good.iter().all(|key| !dump.contains(key.as_str())), "SE-2: sealed in the database");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_8_ten_thousand_wrong_rows_make_a_short_report() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    key_integration(&world, false).await;
    let folder = folder("bad");
    let mut text = String::new();
    for row in 0..10_000 {
        text.push_str(&match row % 4 {
            0 => "{\"end_user\":{\"id\":\"m\"},\"fields\":{\"api_key\":{\"canary-secret\":1}}}\n".to_owned(),
            1 => format!("{{\"end_user\":{{\"id\":\"m{row}\"}},\"fields\":{{\"no_such\":\"canary-secret\"}}}}\n"),
            2 => "{\"end_user\": canary-secret\n".to_owned(),
            _ => format!("{{\"end_user\":{{\"id\":\"m{row}\"}},\"fields\":{{}}}}\n"),
        });
    }
    let file = folder.join("bad.jsonl");
    fs::write(&file, text).unwrap();
    let began = Instant::now();
    let (output, said) = run(&world, &import(file.to_str().unwrap(), "keyed", &[]));
    println!("ten thousand wrong rows took {:?}", began.elapsed());
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("10000 rows: 0 connections made, 0 there already, 10000 wrong."), "{said}");
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(report.lines().count() < 30 && report.len() < 5_000, "{report}");
    assert!(report.contains("2500") && report.contains("1, 5, 9, 13, 17, …"), "{report}");
    assert!(!said.contains("canary-secret"), "{said}");
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "0");
    assert_eq!(world.one("SELECT count(*) <= 1000 FROM import_errors").await, "t");
    assert!(!world.database().dump().await.contains("canary-secret"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_8_all_or_nothing_is_all_or_nothing() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    let folder = folder("whole");
    let row = |user: &str, tokens: &Value| json!({ "end_user": { "id": user }, "tokens": tokens }).to_string();
    let tokens = |shop: &str| {
        let minted = mint(&world, shop);
        json!({ "access_token": minted["access_token"], "refresh_token": minted["refresh_token"] })
    };
    let (north, south) = (tokens("shop_north"), tokens("shop_south"));
    let file = folder.join("shops.jsonl");
    let arguments = import(file.to_str().unwrap(), "acme", &["--all-or-nothing"]);
    let forged = json!({ "access_token": "forged" });
    fs::write(&file, [row("m1", &north), row("m2", &forged), row("m3", &south)].join("\n")).unwrap();
    let (output, said) = run(&world, &arguments);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("Nothing was stored: 1 of 3 rows are wrong"), "{said}");
    // Renewing would spend a refresh token before all is known to be right.
    let mut ended = south.clone();
    ended["expires_at"] = "2001-01-01T00:00:00Z".into();
    fs::write(&file, [row("m1", &north), row("m3", &ended)].join("\n")).unwrap();
    let (_, said) = run(&world, &arguments);
    assert!(said.contains("Nothing was stored") && said.contains("tokens.access_token"), "{said}");
    for table in ["connections", "credentials", "connection_keys", "events", "syncs"] {
        assert_eq!(world.one(&format!("SELECT count(*) FROM {table}")).await, "0", "{table}");
    }
    fs::write(&file, [row("m1", &north), row("m3", &south)].join("\n")).unwrap();
    let (output, said) = run(&world, &arguments);
    assert!(output.status.success() && said.contains("2 rows: 2 connections made"), "{said}");
    assert_eq!(world.one("SELECT count(*) FROM connections WHERE health = 'active'").await, "2");
    let ids = world.sql("SELECT connection_id FROM connections").await;
    for row in ids {
        let id = ids::ConnectionId::from_uuid(row[0].as_deref().unwrap().parse().unwrap());
        world.synced(&id.to_string()).await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_8_a_killed_import_goes_on_where_it_was() {
    let world = World::start(Options { worker: false, ..Options::default() }).await;
    world.acme_integration().await;
    key_integration(&world, true).await;
    let folder = folder("killed");
    let file = folder.join("many.csv");
    let good = mint(&world, "shop_north")["access_token"].as_str().unwrap().to_owned();
    let rows: String = (0..250).map(|row| format!("m{row},{good}\n")).collect();
    fs::write(&file, format!("end_user_id,fields.api_key\n{rows}")).unwrap();
    let slow = Misbehaviour { path: "/me".into(), skip: 150, times: 1000, fault: Fault::Slow { ms: 2000 } };
    world.acme().misbehave(slow);
    let arguments = import(file.to_str().unwrap(), "keyed", &[]);
    let mut killed = spawn(command(&world, &arguments), Stdio::null()).unwrap();
    until("it is in the middle", PATIENCE * 4, async || {
        let made: u32 = world.one("SELECT count(*) FROM connections").await.parse().unwrap();
        (made > 150).then_some(())
    })
    .await;
    killed.kill();
    assert_eq!(world.one("SELECT next_row FROM imports").await, "100");
    world.acme().control(acme::Command::Reset).unwrap();
    let (output, said) = run(&world, &arguments);
    assert!(output.status.success() && said.contains("at row 101 of 250"), "{said}");
    assert_eq!(world.one("SELECT count(*) FROM connections").await, "250", "each once");
    assert_eq!(world.one("SELECT count(*) FROM imports").await, "1");
    assert_eq!(world.one("SELECT made + present FROM imports WHERE finished_at IS NOT NULL").await, "250");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_8_what_is_no_file_of_rows_is_refused_before_anything_is_done() {
    let world = World::start(Options { worker: false, ..Options::default() }).await;
    world.acme_integration().await;
    let folder = folder("refused");
    for (name, text, more, words) in [
        ("a.csv", "email,password\n", &[][..], "column 1 is none of those"),
        ("b.csv", "", &[], "no column end_user.id"),
        ("c.txt", "{}", &[], "say --format"),
        ("d.csv", "end_user.id\nx\n", &["--integration-typo"], "unexpected argument"),
    ] {
        let file = folder.join(name);
        fs::write(&file, text).unwrap();
        let (output, said) = run(&world, &import(file.to_str().unwrap(), "acme", more));
        assert!(!output.status.success() && said.contains(words), "{name}: {said}");
    }
    let (output, said) = run(&world, &import("nowhere.csv", "acme", &[]));
    assert!(!output.status.success() && said.contains("nowhere.csv"), "{said}");
    let file = folder.join("d.csv");
    let (output, said) = run(&world, &import(file.to_str().unwrap(), "nothing", &[]));
    assert!(!output.status.success() && said.contains("no such integration"), "{said}");
    assert_eq!(world.one("SELECT count(*) FROM imports").await, "0");
    world.end().await;
}
