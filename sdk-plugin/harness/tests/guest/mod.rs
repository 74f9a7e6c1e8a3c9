//! Plugins with one fault each, in folders of their own.
#![allow(dead_code, unused_imports, reason = "each of the tests that share it uses a part of it")]

use std::path::PathBuf;

pub use guests::ONE_RECORD;
use guests::ONE_RECORD_DATA;
use serde_json::{Value, json};

/// Asks `GET /things`; the answer's status is then `$status`.
pub const ASK: &str = "
    (call $fetch (i32.const 3100) (i32.const 3) (i32.const 3110) (i32.const 7) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8192))
    (global.set $status (i32.load16_u (i32.const 8196)))";

/// Says that there is more, from the cursor `x` on, where `x` is the character with that code.
pub fn more(code: &str) -> String {
    format!(
        "(i32.store8 (i32.const 3200) {code}) (i32.store8 (i32.const 1044) (i32.const 1))
         (i32.store (i32.const 1048) (i32.const 3200)) (i32.store (i32.const 1052) (i32.const 1))
         (i32.store8 (i32.const 1056) (i32.const 1))"
    )
}

/// Fails with `refused`, blaming by number (0 the end user, 2 the provider), and asks to come back in 9 s.
pub fn fail(blame: &str) -> String {
    format!(
        "(i32.store8 (i32.const 1024) (i32.const 1)) (i32.store8 (i32.const 1028) {blame})
         (i32.store (i32.const 1032) (i32.const 3120)) (i32.store (i32.const 1036) (i32.const 7))
         (i32.store8 (i32.const 1040) (i32.const 1)) (i32.store (i32.const 1044) (i32.const 9))"
    )
}

/// The component whose `pull` runs `body`. `$n` counts its calls from 1 on.
pub fn component(body: &str) -> Vec<u8> {
    let more = r#"
  (data (i32.const 3100) "GET")
  (data (i32.const 3110) "/things")
  (data (i32.const 3120) "refused")
  (global $n (mut i32) (i32.const 0))
  (global $status (mut i32) (i32.const 0))"#;
    let begin = "
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (global.set $heap (i32.const 65536))
    (memory.fill (i32.const 1024) (i32.const 0) (i32.const 64))";
    guests::component(&format!("{ONE_RECORD_DATA}{more}"), &format!("{begin}{body}"))
}

/// A manifest with the stream `things`.
pub const MANIFEST: &str = r#"schema = 1
slug = "faulty"
name = "Faulty"
category = "commerce"
docs = "https://faulty.example/docs"

[variables.api_key]
type = "secret"
label = "API key"

[auth]
mode = "key"

[api]
base_url = "https://api.faulty.example"
credential = { headers = { X-Api-Key = "{api_key}" } }

[plugin]
component = "plugin.wasm"

[[streams]]
name = "things"
mode = "full"
every_minutes = 60
"#;

/// An empty folder of one's own.
pub fn scratch(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("patchbay-harness-{}-{test}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A plugin's folder with these fixtures.
pub fn folder(test: &str, component: &[u8], fixtures: &[(&str, Value)]) -> PathBuf {
    let folder = scratch(test);
    std::fs::create_dir_all(folder.join("fixtures")).unwrap();
    std::fs::write(folder.join("provider.toml"), MANIFEST).unwrap();
    std::fs::write(folder.join("plugin.wasm"), component).unwrap();
    for (name, fixture) in fixtures {
        std::fs::write(folder.join("fixtures").join(name), fixture.to_string()).unwrap();
    }
    folder
}

/// A pull of `things` with so many answers, which must give so many pages.
pub fn story(answers: usize, pages: usize) -> Value {
    let exchange = json!({ "request": { "url": "/things" }, "response": { "status": 200, "body": {} } });
    json!({
        "about": "Things.",
        "call": { "pull": { "stream": "things" } },
        "exchanges": vec![exchange; answers],
        "expect": { "pages": pages }
    })
}
