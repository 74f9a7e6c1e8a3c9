//! SV-7: whatever bytes a guest gives as its result, the host reads a value or refuses, and nothing else happens.

use std::sync::Arc;

use patchbay_plugin_host::{Blame, Connection, Plugin, PluginError, Webhook};
use proptest::{prelude::*, test_runner::Config};

use crate::guest::{capabilities, core, host, tight, wrap};

/// Gives back as its result, byte for byte, what it was handed: a webhook's body, an answer's body, a cursor.
fn echo() -> Vec<u8> {
    let copy = |name: &str, parameters: &str, pointer: u32| {
        let length = pointer + 1;
        format!(
            "(func (export \"{name}\") (param {parameters}) (result i32)
               (memory.copy (i32.const 1024) (local.get {pointer}) (local.get {length})) (i32.const 1024))"
        )
    };
    let silent = |name: &str, parameters: &str| {
        format!("(func (export \"{name}\") (param {parameters}) (result i32) (i32.const 1024))")
    };
    let (four, three) = ("i32 i32 i32 i32", "i32 i32 i32");
    let text = core("", "(memory.copy (i32.const 1024) (local.get $ptr) (local.get $len))");
    let text = text.replace(&silent("route-webhook", four), &copy("route-webhook", four, 2));
    let text = text.replace(&silent("classify-error", three), &copy("classify-error", three, 1));
    assert_eq!(text.matches("memory.copy").count(), 3, "the template has changed");
    wrap(&text)
}

/// Small numbers that look like pointers, lengths and discriminants, and any others.
fn words() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        4 => 0_u32..8,
        4 => 1024_u32..1200,
        2 => 130_000_u32..132_000,
        1 => any::<u32>(),
    ];
    prop::collection::vec(word, 0..24).prop_map(|words| words.into_iter().flat_map(u32::to_le_bytes).collect())
}

fn allowed<T>(outcome: Result<T, PluginError>) {
    if let Err(error) = outcome {
        let said = matches!(error, PluginError::Failure(_));
        assert!(said || error.blame() == Blame::Plugin, "{error:?}");
    }
}

async fn feed(plugin: &Plugin, bytes: Vec<u8>) {
    let session = async || plugin.session(capabilities(), tight()).await.unwrap();
    allowed(session().await.classify_error(500, &bytes).await);
    // Only what is text can be a cursor; bytes above 127 are made into others.
    let text: String = bytes.iter().map(|b| char::from(b & 0x7f)).collect();
    allowed(session().await.pull(&Connection::default(), "things", Some(&text)).await);
    allowed(session().await.route_webhook(Webhook { body: bytes, ..Webhook::default() }).await);
}

#[test]
fn sv_7_any_result_is_read_or_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let host = host();
    let plugin: Arc<Plugin> = runtime.block_on(host.load(echo())).unwrap();
    proptest!(Config { cases: 400, ..Config::default() }, |(bytes in words())| {
        runtime.block_on(feed(&plugin, bytes));
    });
    // What the guest echoes is really read: one route with the account `ab` and no streams.
    let mut body: Vec<u8> = [0_u32, 1040, 1, 0, 1060, 2, 0, 0, 0].into_iter().flat_map(u32::to_le_bytes).collect();
    body.extend(b"ab");
    let routes = runtime.block_on(async {
        let mut session = plugin.session(capabilities(), tight()).await.unwrap();
        session.route_webhook(Webhook { body, ..Webhook::default() }).await.unwrap()
    });
    assert_eq!((routes.len(), routes[0].account.as_deref(), routes[0].streams.len()), (1, Some("ab"), 0));
}
