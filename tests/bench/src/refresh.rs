//! Refreshes: how little they are in the way of reads, and how soon those hear who wait for one.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use domain::clock::Clock as _;
use serde_json::json;

use crate::{
    Outcome, ROUNDS,
    client::{get, post_json},
    crowd::Machine,
    figures::{median, thousands, times},
    load::{Load, SECONDS},
    stack::{Stack, announce},
    table::{Row, Table, Target},
    tenant::Tenant,
};

/// Clients that read.
const CLIENTS: u32 = 32;
/// How often the token comes into its margin, and how long its refresh takes: one in twenty.
const EVERY: Duration = Duration::from_secs(2);
const TAKES: Duration = Duration::from_millis(100);
/// Callers who wait for one refresh.
const WAITERS: usize = 500;
/// How long that refresh takes.
const SLOW: Duration = Duration::from_secs(2);

/// Adds its rows.
pub fn measure(stack: &Stack<'_>, tenant: &Tenant, table: &mut Table) -> Outcome<()> {
    announce("reads while tokens are refreshed …");
    beside_refreshes(stack, tenant, table)?;
    announce("500 who wait for one refresh …");
    waiters(stack, tenant, table)
}

/// Tells the token endpoint to take its time.
fn slow_down(stack: &Stack<'_>, wait: Duration, times: u32) -> Outcome<()> {
    let ms = u64::try_from(wait.as_millis()).map_err(|_| "a long wait")?;
    let slow = json!({ "do": "misbehave", "path": "/token", "times": times, "fault": { "kind": "slow", "ms": ms } });
    post_json(format!("{}/control", stack.acme), &slow).send()?.json().map(|_| ())
}

/// Sets the end of the one token, and tells the server.
fn ends(stack: &Stack<'_>, when: &str) -> Outcome<()> {
    stack.sql(&format!(
        "UPDATE credentials SET expires_at = now() + interval '{when}', updated_at = now() - interval '1 h'; \
         SELECT pg_notify('patchbay_changed', connection_id::text) FROM credentials"
    ))?;
    Ok(())
}

fn beside_refreshes(stack: &Stack<'_>, tenant: &Tenant, table: &mut Table) -> Outcome<()> {
    let load = Load {
        url: format!("{}/v1/connections/{}/credential", stack.origin, tenant.connection),
        headers: vec![tenant.header()],
        connections: CLIENTS,
        seconds: SECONDS,
        script: None,
    };
    load.run()?;
    let (mut ours, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(load.run()?.rate);
        slow_down(stack, TAKES, 1000)?;
        let is_over = AtomicBool::new(false);
        let loaded = thread::scope(|scope| {
            let margins = scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    ends(stack, "30 s")?;
                    thread::sleep(EVERY);
                }
                Ok::<(), String>(())
            });
            let loaded = load.run();
            is_over.store(true, Ordering::Relaxed);
            margins.join().map_err(|_| "the thread broke off")??;
            loaded
        })?;
        ours.push(loaded.rate);
        post_json(format!("{}/control", stack.acme), &json!({ "do": "reset" })).send()?.json()?;
    }
    let (ours, without) = (median(ours), median(without));
    let ratio = ours / without;
    table.add(Row {
        what: "read a credential while 5 % of reads fall inside the margin".to_owned(),
        ours: format!("{}/s", thousands(ours)),
        reference: format!("the same reads without: {}/s", thousands(without)),
        ratio: times(ratio),
        target: "≥ 0.9 ×".to_owned(),
        is_met: Some(Target::AtLeast(0.9).is_met_by(ratio)),
    });
    Ok(())
}

fn waiters(stack: &Stack<'_>, tenant: &Tenant, table: &mut Table) -> Outcome<()> {
    let url = format!("{}/v1/connections/{}/credential", stack.origin, tenant.connection);
    let mut last = Vec::new();
    for _ in 0..ROUNDS {
        ends(stack, "-1 s")?;
        // Until the server has heard.
        thread::sleep(Duration::from_millis(200));
        slow_down(stack, SLOW, 1)?;
        let answered = thread::scope(|scope| -> Outcome<Vec<i64>> {
            let ask = || -> Outcome<i64> {
                let answer = get(url.as_str()).bearer(&tenant.key).send()?;
                answer.json()?;
                Ok(Machine.now().timestamp_millis())
            };
            let all: Vec<_> = (0..WAITERS).map(|_| scope.spawn(ask)).collect();
            all.into_iter().map(|one| one.join().map_err(|_| "a caller broke off".to_owned())?).collect()
        })?;
        let committed = stack.sql("SELECT (extract(epoch FROM updated_at) * 1000)::bigint FROM credentials")?;
        let committed: i64 = committed.parse().map_err(|_| format!("no time: {committed}"))?;
        let latest = answered.into_iter().max().unwrap_or_default();
        last.push(i32::try_from(latest - committed).map_or(f64::NAN, f64::from));
    }
    let last = median(last);
    table.add(Row {
        what: format!("{WAITERS} waiters behind one refresh of {} s: the last answer after the commit", SLOW.as_secs()),
        ours: format!("{last:.0} ms"),
        reference: "–".to_owned(),
        ratio: "–".to_owned(),
        target: "≤ 100 ms".to_owned(),
        is_met: Some(Target::AtMost(100.0).is_met_by(last)),
    });
    Ok(())
}
