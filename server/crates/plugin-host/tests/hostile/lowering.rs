//! PL-1: the host writes what it hands over to where the guest's own allocator says. An allocator that means no good is the
//! guest's trouble alone.

use patchbay_plugin_host::{Blame, Connection, PluginError};

use crate::guest::{assert_unharmed, capabilities, core, host, tight, wrap};

/// What the allocator of the template does at its end, after it has found a place.
const PLACE: &str = "(global.set $heap (i32.add (local.get $at) (local.get $size)))";

/// Pulls with a guest whose allocator does this instead.
async fn ends(allocate: &str) -> PluginError {
    let host = host();
    let text = core("", "");
    assert_eq!(text.matches(PLACE).count(), 1, "the template has changed");
    let plugin = host.load(wrap(&text.replace(PLACE, allocate))).await.unwrap();
    let mut session = plugin.session(capabilities(), tight()).await.unwrap();
    let connection = Connection {
        id: "conn_1".into(),
        variables: vec![("region".into(), "eu".into())],
        config: "{}".into(),
        ..Connection::default()
    };
    let error = session.pull(&connection, "things", Some("x")).await.unwrap_err();
    assert_eq!(error.blame(), Blame::Plugin, "{error}");
    let again = session.pull(&connection, "things", None).await.unwrap_err();
    assert!(matches!(again, PluginError::Over), "{again}");
    assert_unharmed(&host).await;
    error
}

#[tokio::test]
async fn pl_1_an_allocator_that_never_ends() {
    let error = ends("(loop $on (br $on))").await;
    assert!(matches!(error, PluginError::OutOfFuel { .. }), "{error}");
}

#[tokio::test]
async fn pl_1_an_allocator_that_points_outside() {
    for place in ["-8", "131064", "2147483640"] {
        let error = ends(&format!("(return (i32.const {place}))")).await;
        assert!(matches!(error, PluginError::Trapped { .. }), "{place}: {error}");
    }
}

#[tokio::test]
async fn pl_1_an_allocator_that_does_not_align() {
    let error = ends("(return (i32.const 8193))").await;
    assert!(matches!(error, PluginError::Trapped { .. }), "{error}");
}

/// The host is at work for it: to be asked for something else meanwhile is refused.
#[tokio::test]
async fn pl_1_an_allocator_that_calls_the_host() {
    for call in [
        "(call $log (i32.const 1) (i32.const 0) (i32.const 1))",
        "(drop (call $now))",
        "(call $fetch (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)
          (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 7000))",
    ] {
        let error = ends(call).await;
        assert!(matches!(error, PluginError::Trapped { .. }), "{call}: {error}");
    }
}

#[tokio::test]
async fn pl_1_an_allocator_that_eats_memory() {
    let error = ends("(loop $on (drop (memory.grow (i32.const 1))) (br $on))").await;
    assert!(matches!(error, PluginError::OutOfMemory { .. }), "{error}");
}
