//! `patchbay keys`, as an operator runs it beside a running server.

use std::process::Output;

use serde_json::Value;

use super::desk::{Desk, under_old_keys};
use crate::support::*;

fn patchbay(world: &World, arguments: &[&str]) -> Output {
    let config = world.config();
    std::process::Command::new(patchbay_binary())
        .arg("keys")
        .args(arguments)
        .current_dir(root())
        .stdin(std::process::Stdio::null())
        .env("PATCHBAY_DATABASE__URL", &config.database.url)
        .env("PATCHBAY_DATABASE__MIGRATE_AT_START", "false")
        .env("PATCHBAY_KEYS__KIND", "file")
        .env("PATCHBAY_KEYS__FILE__PATH", &config.keys.file.path)
        .env("PATCHBAY_PLUGINS__DIR", &config.plugins.dir)
        .env("PATCHBAY_PLUGINS__CACHE_DIR", &config.plugins.cache_dir)
        .env("PATCHBAY_LOG__LEVEL", "error")
        .output()
        .unwrap()
}

#[track_caller]
fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(said.starts_with("patchbay: ") && !said.contains("panicked"), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_3_status_rotate_rewrap_retire_and_destroy_from_the_command_line() {
    let world = World::start(Options::default()).await;
    let integration = world.acme_integration().await;
    let connection = world.connect_acme(&integration, "merchant-17", "shop_north").await;
    world.synced(&connection).await;
    let desk = Desk::at(&world).await;
    let copies = desk.copies_of(&world, &connection, 30).await;
    world.stranger("neighbour").await;

    let text = said(&patchbay(&world, &["status", "--tenant", "lamplight"]));
    assert!(text.starts_with("lamplight: version 1\n  prod\n    dek_"), "{text}");
    assert!(text.contains("in use  31 credentials.sealed, 1 integrations.client_secret"), "{text}");
    let text = said(&patchbay(&world, &["rotate", "--tenant", "lamplight"]));
    assert_eq!(text, "lamplight: version 2, 1 new data keys, 1 older ones wrapped anew\n");
    let text = refused(&patchbay(&world, &["retire", "--tenant", "lamplight", "--no-wait"]));
    assert!(text.contains("not retired") && text.contains("31 in credentials") && text.contains("rewrap"), "{text}");
    let text = said(&patchbay(&world, &["rewrap", "--tenant", "lamplight", "--environment", "prod"]));
    assert!(text.starts_with("lamplight/prod: done, "), "{text}");
    assert_eq!(under_old_keys(&world).await, 0);
    desk.assert_all_open(&world, &copies).await;
    let text = said(&patchbay(&world, &["rewrap", "--all", "--pause"]));
    assert!(text.contains("lamplight/prod: nothing is under way"), "{text}");
    let text = refused(&patchbay(&world, &["retire", "--tenant", "lamplight", "--no-wait"]));
    assert!(text.contains("try again in"), "{text}");
    let json: Value = serde_json::from_str(&said(&patchbay(&world, &["status", "--all", "--json"]))).unwrap();
    let tenants: Vec<_> = json.as_array().unwrap().iter().map(|tenant| tenant["tenant"].as_str().unwrap()).collect();
    assert_eq!(tenants, ["lamplight", "neighbour"]);
    assert_eq!(json[0]["versions"]["latest"], 2, "{json}");
    assert_eq!(json[0]["environments"][0]["rewrap"]["state"], "done", "{json}");

    // What is wrong is said, and nothing happens.
    for (arguments, words) in
        [(&["status"][..], "--tenant"), (&["status", "--tenant", "lamplight", "--all"], "cannot be used with")]
    {
        let output = patchbay(&world, arguments);
        assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains(words), "{output:?}");
    }
    for (arguments, words) in [
        (&["status", "--tenant", "nobody"][..], "no tenant `nobody`"),
        (&["rewrap", "--tenant", "lamplight", "--environment", "moon"], "no environment `moon`"),
        (&["destroy", "--tenant", "lamplight"], "--confirm lamplight"),
        (&["destroy", "--tenant", "lamplight", "--confirm", "neighbour"], "not the tenant's slug"),
        (&["destroy", "--tenant", "lamplight", "--confirm", "lamplight"], "in use: 31 connections, 1 API keys"),
    ] {
        let text = refused(&patchbay(&world, arguments));
        assert!(text.contains(words), "{arguments:?}: {text}");
    }
    desk.assert_all_open(&world, &copies).await;
    let destroy = ["destroy", "--tenant", "lamplight", "--confirm", "lamplight", "--although-in-use"];
    assert!(said(&patchbay(&world, &destroy)).contains("its key is destroyed"));
    assert!(said(&patchbay(&world, &destroy)).contains("it had been before"));
    let path = format!("/v1/connections/{connection}/credential");
    until("the server has heard of it", PATIENCE, async || (world.key().get(&path).await.status >= 500).then_some(()))
        .await;
    // What concerns all tenants goes on without it.
    let text = said(&patchbay(&world, &["rotate", "--all"]));
    assert_eq!(text, "neighbour: version 2, 0 new data keys, 0 older ones wrapped anew\n");
}
