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

/// Clients of each side.
const CLIENTS: u32 = 32;

/// Adds its row.
pub fn measure(stack: &Stack<'_>, tenant: &Tenant, table: &mut Table) -> Outcome<()> {
    announce("credential by API beside pgbench …");
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
        connections: CLIENTS,
        seconds: SECONDS,
        script: None,
    };
    let (clients, seconds) = (CLIENTS.to_string(), SECONDS.to_string());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    Load { seconds: 2, headers: load.headers.clone(), url: load.url.clone(), ..load }.run()?;
    for _ in 0..ROUNDS {
        ours.push(load.run()?);
        let arguments = ["-S", "-M", "prepared", "-c", &clients, "-j", "2", "-T", &seconds];
        theirs.push(pgbench(bench(&arguments)?)?);
    }
    let (ours, theirs) = (medians(&ours), median(theirs));
    let ratio = ours.rate / theirs;
    table.add(Row {
        what: format!("read a fresh credential by API, {CLIENTS} connections"),
        ours: format!("{}/s, p50 {:.2} ms", thousands(ours.rate), ours.p50),
        reference: format!("pgbench -S -M prepared: {}/s", thousands(theirs)),
        ratio: times(ratio),
        target: "≥ 1.0 ×".to_owned(),
        is_met: Some(Target::AtLeast(1.0).is_met_by(ratio)),
    });
    Ok(())
}
