//! PL-1: what was used is counted and told, whichever way a call ends; and what a fresh instance costs.

use std::process::Command;

use patchbay_plugin_host::{Capabilities, Connection, HostConfig, LogBuffer, PluginError, PluginSession, Usage};

use crate::guest::{capabilities, component, core, host, host_with, load, session, tight, wrap};

async fn pull(session: &mut PluginSession) -> Result<Usage, PluginError> {
    let outcome = session.pull(&Connection::default(), "things", None).await;
    outcome.map(|_| session.last_usage())
}

fn counting_to(number: u32) -> String {
    format!(
        "(local.set $disc (i32.const {number}))
         (loop $on (br_if $on (local.tee $disc (i32.sub (local.get $disc) (i32.const 1)))))"
    )
}

#[tokio::test]
async fn pl_1_the_same_work_costs_the_same_and_twice_the_work_twice() {
    let host = host();
    let mut fuel = Vec::new();
    for number in [1000, 1000, 2000, 3000] {
        fuel.push(pull(&mut session(&host, "", &counting_to(number)).await).await.unwrap().fuel);
    }
    assert_eq!(fuel[0], fuel[1]);
    assert!(fuel[2] - fuel[1] >= 1000, "an instruction is about one: {fuel:?}");
    assert_eq!(fuel[2] - fuel[1], fuel[3] - fuel[2]);
}

#[tokio::test]
async fn pl_1_what_was_used_is_told_when_a_call_is_ended() {
    let host = host();
    let mut looping = session(&host, "", "(loop $on (br $on))").await;
    pull(&mut looping).await.unwrap_err();
    assert!(looping.last_usage().fuel >= tight().fuel, "{:?}", looping.last_usage());
    let body = format!("{} (drop (memory.grow (i32.const 8))) unreachable", counting_to(10_000));
    let mut crashing = session(&host, "", &body).await;
    pull(&mut crashing).await.unwrap_err();
    let used = crashing.usage();
    assert!(used.fuel > 10_000 && used.fuel < 1_000_000, "{used:?}");
    assert_eq!((used.calls, used.memory_peak), (1, 10 << 16), "{used:?}");
    let mut eating = session(&host, "", "(loop $on (drop (memory.grow (i32.const 1))) (br $on))").await;
    pull(&mut eating).await.unwrap_err();
    assert_eq!(eating.usage().memory_peak, tight().memory_bytes, "all that it may have, and no more");
}

/// A start function runs before any call. What it computes counts, and what takes memory to
/// say is not said yet: the host knows of none.
#[tokio::test]
async fn pl_1_what_the_start_uses_counts() {
    let host = host();
    let start = |more: &str| format!("(func $s (local $disc i32) {} {more}) (start $s)", counting_to(5000));
    let mut session = session(&host, &start(""), "").await;
    let begun = session.usage();
    assert!(begun.fuel > 5000 && begun.memory_peak == 2 << 16, "{begun:?}");
    pull(&mut session).await.unwrap();
    assert_eq!((begun.calls, session.usage().calls), (0, 1));
    let log = LogBuffer::default();
    let capabilities = Capabilities { log: Box::new(log.clone()), ..capabilities() };
    let plugin = load(&host, &start("(call $log (i32.const 1) (i32.const 5000) (i32.const 5))"), "").await;
    let error = plugin.session(capabilities, tight()).await.unwrap_err();
    assert!(matches!(error, PluginError::Trapped { .. }) && log.take().is_empty(), "{error}");
}

/// Set for the process that measures: alone, so that no other test's memory is in the figures.
const ALONE: &str = "PATCHBAY_HOSTILE_ALONE";

/// Bytes of this process in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

/// Memory that a component begins with is shared by its instances until one writes to it: 100 of them with 2 MiB each take
/// a fraction of 200 MiB. An instance that writes all over its own changes nothing for the next.
#[test]
fn pl_4_fresh_memory_is_shared_until_it_is_written_to() {
    if std::env::var_os(ALONE).is_none() {
        let mut alone = Command::new(std::env::current_exe().unwrap());
        let name = "budget::pl_4_fresh_memory_is_shared_until_it_is_written_to";
        let output = alone.args(["--exact", name, "--nocapture"]).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let image = format!("(data (i32.const 131072) \"{}\")", "patchbay".repeat((2 << 20) / 8));
    let text = core(&image, "(memory.fill (i32.const 131072) (i32.const 0) (i32.const 2097152))")
        .replace("\"memory\") 2)", "\"memory\") 34)");
    let check = "(if (i32.ne (i32.load8_u (i32.const 131072)) (i32.const 112)) (then unreachable))";
    let text = text.replace("(memory.fill (i32.const 131072)", &format!("{check} (memory.fill (i32.const 131072)"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let host = host_with(HostConfig { instances: 101, ..HostConfig::default() });
        let plugin = host.load(wrap(&text)).await.unwrap();
        let fresh = async || plugin.session(capabilities(), tight()).await.unwrap();
        drop(fresh().await);
        let before = resident();
        let mut held = Vec::new();
        for _ in 0..100 {
            held.push(fresh().await);
        }
        let grown = resident().saturating_sub(before);
        assert!(grown < 50 << 20, "100 instances take {grown} bytes more");
        // The guest traps if its memory is not as it began, and leaves it all zeroes.
        for session in &mut held[..20] {
            pull(session).await.unwrap();
        }
        let written = resident().saturating_sub(before);
        assert!(written > 30 << 20, "what is written to is one's own, or nothing was measured: {written}");
        drop(held);
        for _ in 0..30 {
            pull(&mut fresh().await).await.unwrap();
        }
    });
}

/// The most that a component may begin with fits into the pool; more is refused when it is loaded, and not when it is run.
#[tokio::test]
async fn pl_1_what_does_not_fit_into_the_pool_is_refused_when_it_is_loaded() {
    let host = host();
    let plugin = host.load(component("(table 19000 funcref)", "")).await.unwrap();
    pull(&mut plugin.session(capabilities(), tight()).await.unwrap()).await.unwrap();
    for more in ["(table 20001 funcref)", "(table 1 funcref) (table 1 funcref)"] {
        let error = host.load(component(more, "")).await.unwrap_err();
        assert!(error.to_string().contains("table"), "{error}");
    }
}
