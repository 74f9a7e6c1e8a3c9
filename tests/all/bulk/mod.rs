//! Many connections at once: brought along, taken away, revoked. What breaks off anywhere goes on when it is asked for again.

mod export;
mod import;
mod revoke;

pub(crate) use export::decrypt;

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use acme::Command as Acme;
use http::Method;
use serde_json::{Value, json};

use crate::support::{World, root, server_process};

/// A folder of one's own, empty.
fn folder(test: &str) -> PathBuf {
    let folder = root().join("target/tests/bulk").join(test);
    std::fs::remove_dir_all(&folder).ok();
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// `patchbay …` over a world's database.
fn command(world: &World, arguments: &[&str]) -> Command {
    let (first, rest) = arguments.split_first().unwrap();
    let mut command = server_process(world, first);
    // Components are compiled once for all of these commands.
    command.args(rest).current_dir(root().join("target/tests"));
    command.env("PATCHBAY_PLUGINS__CACHE_DIR", &world.config().plugins.cache_dir);
    command
}

/// The same, to its end. What it said on both ways is given too.
pub(crate) fn run(world: &World, arguments: &[&str]) -> (Output, String) {
    let output = tokio::task::block_in_place(|| command(world, arguments).output().unwrap());
    let said = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
    assert!(!said.contains("panicked"), "{said}");
    (output, said)
}

/// Tokens of a shop, as its owner might have given them to another system before.
pub(crate) fn mint(world: &World, shop: &str) -> Value {
    let mint = Acme::Mint { client_id: "lamplight".into(), account: shop.into() };
    world.acme().control(mint).unwrap()
}

/// Connections of so many end users to a shop.
pub(crate) async fn connect_many(world: &World, count: usize) -> Vec<String> {
    let mut made = Vec::new();
    for number in 0..count {
        let tokens = mint(world, "shop_north");
        let wish = json!({ "integration": "acme", "end_user": { "id": format!("merchant-{number}") },
            "tokens": { "access_token": tokens["access_token"], "refresh_token": tokens["refresh_token"] } });
        let row = world.key().post("/v1/connections", &wish).await.ok();
        made.push(row["id"].as_str().unwrap().to_owned());
    }
    made
}

/// A provider with keys, which cannot be asked to let go and knows nobody: Acme's tokens stand for its keys. With
/// `identity` it tells whose they are.
pub(crate) async fn key_integration(world: &World, identity: bool) -> Value {
    let origin = world.acme().origin();
    let identity = if identity { "[identity]\nurl = \"/me\"\naccount = \"sub\"\nname = \"name\"\n" } else { "" };
    let manifest = format!(
        "schema = 1\nslug = \"keyed\"\nname = \"Keyed\"\ncategory = \"commerce\"\ndocs = \"https://docs.example\"\n\
         [variables.api_key]\ntype = \"secret\"\nlabel = \"API key\"\n[auth]\nmode = \"key\"\n\
         [api]\nbase_url = \"{origin}\"\ncredential = {{ headers = {{ Authorization = \"Bearer {{api_key}}\" }} }}\n{identity}"
    );
    let key = world.key();
    key.request(Method::PUT, "/v1/providers/keyed").json(&json!({ "manifest": manifest })).send().await.ok();
    key.post("/v1/integrations", &json!({ "provider": "keyed" })).await.ok()
}
