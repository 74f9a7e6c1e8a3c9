//! A hundred thousand credentials sealed anew after a rotation, while others are read.

use std::process::Command;

use uuid::Uuid;

use crate::{
    Outcome, ROUNDS, crowd,
    figures::{median, thousands, times},
    load::{Load, SECONDS, output},
    stack::{Stack, announce},
    table::{Row, Table, Target},
    tenant::Tenant,
};

/// How many of them are read.
const READ: usize = 10_000;
/// Clients that read.
const CLIENTS: u32 = 16;

/// Adds its row.
pub fn measure(stack: &mut Stack<'_>, tenant: &Tenant, table: &mut Table) -> Outcome<()> {
    announce("rotation under load …");
    let count = |stack: &Stack<'_>| -> Outcome<u32> {
        stack.sql("SELECT count(*) FROM credentials")?.parse().map_err(|_| "no count of credentials".to_owned())
    };
    if count(stack)? < crowd::CONNECTIONS {
        crowd::add(stack, tenant, crowd::CONNECTIONS, &[])?;
    }
    stack.start_server()?;
    let listed = stack.sql(&format!("SELECT connection_id FROM credentials ORDER BY random() LIMIT {READ}"))?;
    let ids: Vec<Uuid> = listed.lines().filter_map(|line| line.parse().ok()).collect();
    let script = crowd::reading(stack, &ids)?;
    let load = Load {
        url: stack.origin.clone(),
        headers: vec![tenant.header()],
        connections: CLIENTS,
        seconds: SECONDS,
        script: Some(&script),
    };
    load.run()?;
    let mut quiet = Vec::new();
    for _ in 0..ROUNDS {
        quiet.push(load.run()?.p99);
    }

    patchbay_keys(stack, &["rotate", "--all"])?;
    patchbay_keys(stack, &["rewrap", "--all", "--detach"])?;
    // Short rounds, of which those count at whose end there was still something to do.
    let mut busy = Vec::new();
    let short = Load { seconds: 2, headers: load.headers.clone(), url: load.url.clone(), ..load };
    let run =
        "SELECT state, done, extract(epoch FROM updated_at - started_at) FROM key_rewraps ORDER BY total DESC LIMIT 1";
    let (done, seconds) = loop {
        let loaded = short.run()?;
        let told = stack.sql(run)?;
        let mut columns = told.split('|');
        let (state, done, seconds) = (columns.next(), columns.next(), columns.next());
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<f64>().ok()).unwrap_or(f64::NAN);
        match state {
            Some("running") => busy.push(loaded.p99),
            Some("done") => break (number(done), number(seconds)),
            other => return Err(format!("the run is {other:?}")),
        }
        if busy.len() > 300 {
            return Err("the run does not come to its end".to_owned());
        }
    };
    if busy.is_empty() {
        return Err("the run ended before anything was measured".to_owned());
    }
    let (quiet, busy) = (median(quiet), median(busy));
    let ratio = busy / quiet;
    table.add(Row {
        what: format!(
            "p99 of reads while {} credentials are sealed anew, {}/s",
            thousands(done),
            thousands(done / seconds)
        ),
        ours: format!("{busy:.2} ms"),
        reference: format!("the same reads without: {quiet:.2} ms"),
        ratio: times(ratio),
        target: "≤ 1.5 ×".to_owned(),
        is_met: Some(Target::AtMost(1.5).is_met_by(ratio)),
    });
    Ok(())
}

/// Runs `patchbay keys` beside the server.
fn patchbay_keys(stack: &Stack<'_>, arguments: &[&str]) -> Outcome<()> {
    let mut command = Command::new(&stack.places.patchbay);
    command
        .arg("keys")
        .args(arguments)
        .env("PATCHBAY_DATABASE__URL", stack.database())
        .env("PATCHBAY_KEYS__KIND", "file")
        .env("PATCHBAY_KEYS__FILE__PATH", &stack.keyring)
        .env("PATCHBAY_PLUGINS__DIR", stack.places.folder.join("plugins"))
        .env("PATCHBAY_PLUGINS__CACHE_DIR", stack.places.folder.join("components"));
    output(&mut command).map(|_| ())
}
