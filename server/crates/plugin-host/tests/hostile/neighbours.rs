//! PL-4: instances know nothing of each other, and places are given back.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use patchbay_plugin_host::{
    Capabilities, Connection, HostConfig, HostHttp, HttpFault, HttpRequest, HttpResponse, PluginError,
};
use tokio::sync::Notify;

use crate::guest::{assert_unharmed, capabilities, good, host, host_with, load, tight};

/// Traps if the memory beyond its own data or its global is not as new, then writes all over both.
const TRACES: &str = "
  (if (global.get $mark) (then unreachable))
  (global.set $mark (i32.const 1))
  (loop $on
    (if (i32.load (i32.add (i32.const 8192) (local.get $ptr))) (then unreachable))
    (i32.store (i32.add (i32.const 8192) (local.get $ptr)) (i32.const -1))
    (local.set $ptr (i32.add (local.get $ptr) (i32.const 4)))
    (br_if $on (i32.lt_u (local.get $ptr) (i32.const 50000))))";

#[tokio::test]
async fn pl_4_a_new_instance_finds_nothing_of_the_last() {
    let host = host_with(HostConfig { instances: 1, ..HostConfig::default() });
    let plugin = load(&host, "(global $mark (mut i32) (i32.const 0))", TRACES).await;
    for round in 0..20 {
        let mut session = plugin.session(capabilities(), tight()).await.unwrap();
        session.pull(&Connection::default(), "things", None).await.unwrap_or_else(|e| panic!("round {round}: {e}"));
        // The same instance does remember, so the guest's check can fail.
        session.pull(&Connection::default(), "things", None).await.unwrap_err();
    }
}

/// Never answers.
struct Silent(Arc<Notify>);

#[async_trait]
impl HostHttp for Silent {
    async fn fetch(&mut self, _: HttpRequest) -> Result<HttpResponse, HttpFault> {
        self.0.notify_one();
        std::future::pending().await
    }
}

const FETCH: &str =
    "(call $fetch (i32.const 5000) (i32.const 3) (i32.const 5003) (i32.const 2) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 7000))";
const DATA: &str = r#"(data (i32.const 5000) "GET/x")"#;

#[tokio::test]
async fn a_call_given_up_half_way_gives_its_place_back_and_closes_the_session() {
    let wait = Duration::from_millis(50);
    let host = host_with(HostConfig { instances: 1, wait, ..HostConfig::default() });
    let called = Arc::new(Notify::new());
    let capabilities = Capabilities { http: Box::new(Silent(Arc::clone(&called))), ..capabilities() };
    let mut session = load(&host, DATA, FETCH).await.session(capabilities, tight()).await.unwrap();
    let connection = Connection::default();
    tokio::select! {
        _ = session.pull(&connection, "things", None) => unreachable!(),
        () = called.notified() => {}
    }
    let error = session.pull(&connection, "things", None).await.unwrap_err();
    assert!(matches!(error, PluginError::Over), "{error}");
    let error = good(&host).await.session(crate::guest::capabilities(), tight()).await.unwrap_err();
    assert!(matches!(error, PluginError::Busy { instances: 1 }), "{error}");
    drop(session);
    assert_unharmed(&host).await;
}

#[tokio::test]
async fn whoever_waits_for_a_place_gets_the_next_one() {
    let host = Arc::new(host_with(HostConfig { instances: 1, ..HostConfig::default() }));
    let held = good(&host).await.session(capabilities(), tight()).await.unwrap();
    let waiting = tokio::spawn({
        let host = Arc::clone(&host);
        async move { assert_unharmed(&host).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!waiting.is_finished());
    drop(held);
    waiting.await.unwrap();
}

/// As many instances as there are places, all waiting for their host at once, while others come and go.
#[tokio::test]
async fn every_place_can_be_taken_at_once() {
    let host = host_with(HostConfig { instances: 64, ..HostConfig::default() });
    let plugin = good(&host).await;
    let mut held = Vec::new();
    for _ in 0..64 {
        let mut session = plugin.session(capabilities(), tight()).await.unwrap();
        session.pull(&Connection::default(), "things", None).await.unwrap();
        held.push(session);
    }
    drop(held);
    assert_unharmed(&host).await;
}

/// The same bytes asked for many times at once are compiled once and are one plugin.
#[tokio::test]
async fn the_same_bytes_are_one_plugin() {
    let host = host();
    let bytes = crate::guest::component("", "");
    let (a, b, c) = tokio::join!(host.load(bytes.clone()), host.load(bytes.clone()), host.load(bytes));
    let (a, b, c) = (a.unwrap(), b.unwrap(), c.unwrap());
    assert!(Arc::ptr_eq(&a, &b) && Arc::ptr_eq(&b, &c));
    assert_eq!(a.id().to_string().len(), 64);
}
