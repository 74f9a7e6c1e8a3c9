//! Reading a fresh credential by the API, beside `pgbench` reading a row of the same Postgres.

use std::process::Command;

use crate::{
    Outcome, ROUNDS,
    figures::{median, thousands, times},
    load::{Load, SECONDS, medians, output, pgbench},
    stack::{Stack, announce},
    table::{Row, Table, Target},
    tenant::Tenant,
};

/// Clients of each side, and the rate to reach as a multiple of the other's.
const CLIENTS: [(u32, f64); 2] = [(32, 1.0), (64, 1.5)];

/// Adds its rows.
pub fn measure(stack: &Stack<'_>, tenant: &Tenant, table: &mut Table) -> Outcome<()> {
    announce("credential by API beside pgbench …");
    for (clients, least) in CLIENTS {
        with(clients, least, stack, tenant, table)?;
    }
    Ok(())
}

fn with(clients: u32, least: f64, stack: &Stack<'_>, tenant: &Tenant, table: &mut Table) -> Outcome<()> {
    let bench = |arguments: &[&str]| -> Outcome<Command> {
        let mut command = Command::new(stack.places.postgres_tool("pgbench")?);
        let port = stack.postgres.port().to_string();
        command.args(["-h", "127.0.0.1", "-p", &port, "-U", "postgres"]).args(arguments).arg("postgres");
        Ok(command)
    };
    output(&mut bench(&["-i", "-q", "-s", "10"])?)?;
    let load = Load {
        url: format!("{}/v1/connections/{}/credential", stack.origin, tenant.connection),
        headers: vec![tenant.header()],
        connections: clients,
        seconds: SECONDS,
        script: None,
    };
    let (threads, seconds) = (clients.to_string(), SECONDS.to_string());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    Load { seconds: 2, headers: load.headers.clone(), url: load.url.clone(), ..load }.run()?;
    for _ in 0..ROUNDS {
        ours.push(load.run()?);
        let arguments = ["-S", "-M", "prepared", "-c", &threads, "-j", "2", "-T", &seconds];
        theirs.push(pgbench(bench(&arguments)?)?);
    }
    let (ours, theirs) = (medians(&ours), median(theirs));
    let ratio = ours.rate / theirs;
    table.add(Row {
        what: format!("read a fresh credential by API, {clients} connections"),
        ours: format!("{}/s, p50 {:.2} ms", thousands(ours.rate), ours.p50),
        reference: format!("pgbench -S -M prepared: {}/s", thousands(theirs)),
        ratio: times(ratio),
        target: format!("≥ {least:.1} ×"),
        is_met: Some(Target::AtLeast(least).is_met_by(ratio)),
    });
    Ok(())
}
