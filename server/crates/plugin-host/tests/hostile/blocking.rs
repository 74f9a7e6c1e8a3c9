//! PL-1: a guest that does not give way by itself never holds a thread of the server's.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use patchbay_plugin_host::{
    Capabilities, Connection, HostConfig, HostHttp, HttpFault, HttpRequest, HttpResponse, Plugin, PluginError,
    PluginHost, PluginLimits,
};

use crate::guest::{assert_unharmed, capabilities, host_with, load, tight};

const GUESTS: u32 = 8;
const WALL: Duration = Duration::from_millis(2500);

/// Runs eight of them on the only thread that there is and gives how long a well-behaved neighbour waited each time that
/// it ran meanwhile, in order. All eight end by the clock.
async fn beside(host: Arc<PluginHost>, plugin: Arc<Plugin>, capabilities: fn() -> Capabilities) -> Vec<Duration> {
    // Compiled before, so that the time is spent on running.
    assert_unharmed(&host).await;
    let limits = PluginLimits { fuel: u64::MAX, wall: WALL, memory_bytes: 64 << 20, ..tight() };
    let begun = Instant::now();
    let guests: Vec<_> = (0..GUESTS)
        .map(|_| {
            let plugin = Arc::clone(&plugin);
            tokio::spawn(async move {
                let mut session = plugin.session(capabilities(), limits).await.unwrap();
                let error = session.pull(&Connection::default(), "things", None).await.unwrap_err();
                (error, session.usage())
            })
        })
        .collect();
    let mut waits = Vec::new();
    while begun.elapsed() < WALL - Duration::from_millis(500) {
        let asked = Instant::now();
        assert_unharmed(&host).await;
        waits.push(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for guest in guests {
        let (error, used) = guest.await.unwrap();
        assert!(matches!(error, PluginError::TimedOut { .. }), "{error}");
        assert!(used.elapsed >= WALL, "{used:?}");
    }
    waits.sort();
    waits
}

fn roomy() -> Arc<PluginHost> {
    Arc::new(host_with(HostConfig { instances: 16, ..HostConfig::default() }))
}

/// Each guest's turn is a tick of 5 ms. Were there no turns, the neighbour would have run once, after all of them.
fn assert_served(waits: &[Duration]) {
    let median = waits[waits.len() / 2];
    assert!(waits.len() >= 4 && median < Duration::from_millis(600), "{} times, {median:?} at the median", waits.len());
}

#[tokio::test(flavor = "current_thread")]
async fn pl_1_guests_that_compute_hold_no_thread() {
    let host = roomy();
    let plugin = load(&host, "", "(loop $on (br $on))").await;
    assert_served(&beside(host, plugin, capabilities).await);
}

/// One instruction of theirs writes 32 MB, and it cannot be interrupted.
#[tokio::test(flavor = "current_thread")]
async fn pl_1_guests_that_write_all_over_their_memory_hold_no_thread() {
    let host = roomy();
    let body = "(drop (memory.grow (i32.const 512)))
      (loop $on (memory.fill (i32.const 131072) (i32.const 97) (i32.const 33554432)) (br $on))";
    let plugin = load(&host, "", body).await;
    assert_served(&beside(host, plugin, capabilities).await);
}

/// Never answers.
struct Silent;

#[async_trait]
impl HostHttp for Silent {
    async fn fetch(&mut self, _: HttpRequest) -> Result<HttpResponse, HttpFault> {
        std::future::pending().await
    }
}

#[tokio::test(flavor = "current_thread")]
async fn pl_1_guests_that_wait_for_a_provider_hold_no_thread() {
    let host = roomy();
    let fetch = "(call $fetch (i32.const 5000) (i32.const 3) (i32.const 5003) (i32.const 2) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 7000))";
    let plugin = load(&host, r#"(data (i32.const 5000) "GET/x")"#, fetch).await;
    assert_served(&beside(host, plugin, || Capabilities { http: Box::new(Silent), ..capabilities() }).await);
}
