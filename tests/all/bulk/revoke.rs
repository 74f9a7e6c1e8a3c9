//! `patchbay revoke`: the panic button.

use std::process::Stdio;

use acme::{Fault, Misbehaviour};
use serde_json::Value;

use super::{command, connect_many, folder, key_integration, mint, run};
use crate::support::{Options, PATIENCE, World, spawn, until};

const MANY: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_7_the_panic_button_stops_all_at_once_and_goes_on_after_kill_9() {
    let world = World::start(Options { worker: false, ..Options::default() }).await;
    world.acme_integration().await;
    let connections = connect_many(&world, MANY).await;
    let (output, said) = run(&world, &["revoke", "--tenant", "lamplight", "--dry-run"]);
    assert!(
        output.status.success() && said.contains(&format!("{MANY} connections of 1 providers; 1 of these")),
        "{said}"
    );
    assert_eq!(world.one("SELECT count(*) FROM connections WHERE health = 'active'").await, MANY.to_string());
    assert_eq!(world.one("SELECT count(*) FROM revocation_runs").await, "0", "a dry run changes nothing");
    // Nobody can be asked, and nobody said --yes.
    let (output, said) = run(&world, &["revoke", "--tenant", "lamplight"]);
    assert!(!output.status.success() && said.contains("--yes"), "{said}");
    assert_eq!(world.one("SELECT count(*) FROM connections WHERE health = 'active'").await, MANY.to_string());

    // A slow provider, and the command is killed in the middle.
    let slow = Misbehaviour { path: "/token/revocation".into(), skip: 4, times: 1000, fault: Fault::Slow { ms: 1500 } };
    world.acme().misbehave(slow);
    let arguments = ["revoke", "--tenant", "lamplight", "--provider", "acme", "--yes"];
    let mut killed = spawn(command(&world, &arguments), Stdio::null()).unwrap();
    until("some are revoked", PATIENCE * 4, async || {
        let settled = world.one("SELECT count(*) FROM revocations WHERE state = 'revoked'").await;
        (settled != "0").then_some(())
    })
    .await;
    killed.kill();
    assert_eq!(world.one("SELECT count(*) FROM connections WHERE health = 'revoked'").await, MANY.to_string());
    let settled: usize = world.one("SELECT count(*) FROM revocations WHERE state = 'revoked'").await.parse().unwrap();
    assert!(settled < MANY, "it was killed in the middle: {settled}");
    let refused = world.key().get(&format!("/v1/connections/{}/credential", connections[0])).await;
    refused.problem(409, "conflict");

    // Run again it goes on with the same run; the killed one's lease has to end first.
    world.acme().control(acme::Command::Reset).unwrap();
    let report = folder("revoke").join("report.jsonl");
    let report_path = report.to_str().unwrap();
    let (output, said) = run(&world, &[&arguments[..], &["--report", report_path]].concat());
    assert!(output.status.success(), "{said}");
    assert!(said.contains("is under way") && said.contains("PROVIDER"), "{said}");
    assert_eq!(world.one("SELECT count(*) FROM revocation_runs WHERE finished_at IS NOT NULL").await, "1");
    let lines = std::fs::read_to_string(&report).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), MANY);
    assert!(lines.iter().all(|line| line["state"] == "revoked" && line["provider"] == "acme"), "{lines:?}");
    assert_eq!(world.one("SELECT count(*) FROM credentials").await, "0", "wiped");
    for (what, sql) in [
        ("events", "SELECT count(*) FROM events WHERE kind = 'connection.revoked'"),
        ("audit", "SELECT count(*) FROM audit WHERE action = 'connection.revoked'"),
        ("connections", "SELECT count(*) FROM connections WHERE health = 'revoked'"),
    ] {
        assert_eq!(world.one(sql).await, MANY.to_string(), "{what}");
    }
    // What was asked twice at most is what was under way when it died; the provider lets go of all.
    let (output, said) = run(&world, &arguments);
    assert!(output.status.success() && said.contains("nothing to revoke"), "{said}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_7_what_cannot_be_revoked_is_wiped_and_told_apart() {
    let world = World::start(Options::default()).await;
    world.acme_integration().await;
    key_integration(&world, true).await;
    let old = connect_many(&world, 1).await;
    let tokens = mint(&world, "shop_south");
    let wish = serde_json::json!({ "integration": "keyed", "end_user": { "id": "m" },
        "fields": { "api_key": tokens["access_token"] } });
    let keyed = world.key().post("/v1/connections", &wish).await.ok();
    // The other one is out of the window.
    world.sql("UPDATE connections SET created_at = '2020-01-01' WHERE end_user_id = 'merchant-0'").await;
    let all = ["revoke", "--tenant", "lamplight", "--since", "2021-01-01", "--yes"];
    let (output, said) = run(&world, &all);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("1 connections of 1 providers; 0 of these") && said.contains("credentials are wiped here"),
        "{said}"
    );
    let shown = world.key().get(&format!("/v1/connections/{}", keyed["id"].as_str().unwrap())).await.ok();
    assert_eq!((&shown["health"]["state"], &shown["revocation"]["state"]), (&"revoked".into(), &"unsupported".into()));
    assert!(shown["revocation"]["reason"].as_str().unwrap().contains("no call"), "{shown}");
    let left = world.key().get(&format!("/v1/connections/{}", old[0])).await.ok();
    assert_eq!(left["health"]["state"], "active");
    // A provider that is away: it is pending, then told when it is back.
    let away = Misbehaviour {
        path: "/token/revocation".into(),
        skip: 0,
        times: 1,
        fault: Fault::Status { status: 503, retry_after: Some("2".into()), body: None },
    };
    world.acme().misbehave(away);
    let (output, said) = run(&world, &["revoke", "--tenant", "lamplight", "--integration", "acme", "--yes"]);
    assert!(output.status.success(), "{said}");
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'connection.revocation_finished'").await, "1");
    assert_eq!(world.one("SELECT tries FROM revocations WHERE provider = 'acme'").await, "1");
    for wrong in [
        &["revoke", "--tenant", "nobody", "--yes"][..],
        &["revoke", "--tenant", "lamplight", "--environment", "nowhere", "--yes"],
        &["revoke", "--tenant", "lamplight", "--integration", "nothing", "--yes"],
        &["revoke", "--tenant", "lamplight", "--since", "2026-01-02", "--until", "2026-01-01", "--yes"],
        &["revoke", "--tenant", "lamplight", "--since", "yesterday", "--yes"],
    ] {
        let (output, said) = run(&world, wrong);
        assert!(!output.status.success() && said.lines().count() < 8, "{wrong:?}: {said}");
    }
    world.end().await;
}
