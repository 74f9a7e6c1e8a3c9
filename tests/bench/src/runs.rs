//! What the job engine costs and what a run costs on top: runs of a plugin that does nothing beside jobs that find nothing to
//! do, both by two workers; and schedules that come due, among few others and among many.

use std::{fs, process::Command};

use ids::SyncId;
use uuid::Uuid;

use crate::{
    Outcome, ROUNDS, crowd,
    figures::{median, thousands, times},
    process::Server,
    stack::{Stack, announce},
    table::{Row, Table, Target},
    tenant::Tenant,
};

/// Connections with a sync each.
const SYNCS: u32 = 4_000;
/// Schedules that come due together.
const DUE: u32 = 2_000;
/// All schedules.
const ALL: u32 = 200_000;

/// Puts a plugin that does nothing in the place of the provider's. Before the server is started.
pub fn use_empty_plugin(stack: &Stack<'_>) -> Outcome<()> {
    let path = stack.places.folder.join("plugins/acme/plugin.wasm");
    fs::write(&path, guests::component("", "")).map_err(|error| format!("{}: {error}", path.display()))
}

/// Adds both rows. The database has but the tenant's own connection.
pub fn measure(stack: &Stack<'_>, tenant: &Tenant, table: &mut Table) -> Outcome<()> {
    announce("4,000 runs of an empty plugin, two workers …");
    // A second worker beside the server's own.
    let _second = Server::start(worker(stack), &stack.places.folder.join("worker.log"))?;
    let connections = crowd::add(stack, tenant, SYNCS, &[])?;
    let syncs = add_syncs(stack, &connections)?;
    let nothing: Vec<SyncId> = (0..SYNCS).map(|number| SyncId::new(number.into(), [0; 10])).collect();
    let (mut ran, mut idle) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ran.push(jobs(stack, &syncs)?);
        idle.push(jobs(stack, &nothing)?);
    }
    let failed = stack.sql("SELECT count(*) FROM runs WHERE state <> 'succeeded'")?;
    if failed != "0" {
        return Err(format!("{failed} runs did not succeed"));
    }
    let rate = |seconds: f64| f64::from(SYNCS) / seconds;
    let (ran, idle) = (rate(median(ran)), rate(median(idle)));
    table.add(Row {
        what: "runs of an empty plugin, two workers".to_owned(),
        ours: format!("{}/s", thousands(ran)),
        reference: format!("jobs that find nothing to do: {}/s", thousands(idle)),
        ratio: times(ran / idle),
        target: "≥ 0.5 ×".to_owned(),
        is_met: Some(Target::AtLeast(0.5).is_met_by(ran / idle)),
    });
    schedules(stack, table)
}

fn schedules(stack: &Stack<'_>, table: &mut Table) -> Outcome<()> {
    announce("2,000 schedules that are due, among as many …");
    stack.sql(&format!(
        "DELETE FROM syncs WHERE sync_id NOT IN (SELECT sync_id FROM syncs ORDER BY sync_id LIMIT {DUE})"
    ))?;
    stack.script("UPDATE syncs SET next_run_at = now() + interval '1 day';\nVACUUM ANALYZE syncs;\n")?;
    let alone = due_rounds(stack)?;
    announce("… and among 200,000 …");
    stack.script(&format!(
        "INSERT INTO syncs SELECT (jsonb_populate_record(s.one, jsonb_build_object('sync_id', gen_random_uuid(), \
         'variant', 'v' || n))).* FROM (SELECT syncs AS one FROM syncs ORDER BY sync_id LIMIT 1) s, \
         generate_series(1, {}) n;\nVACUUM ANALYZE syncs;\n",
        ALL - DUE
    ))?;
    let among = due_rounds(stack)?;
    let ratio = among / alone;
    table.add(Row {
        what: format!("{} schedules, {} of them due", thousands(ALL.into()), thousands(DUE.into())),
        ours: format!("{among:.2} s"),
        reference: format!("{} schedules, all due: {alone:.2} s", thousands(DUE.into())),
        ratio: times(ratio),
        target: "≤ 1.2 ×".to_owned(),
        is_met: Some(Target::AtMost(1.2).is_met_by(ratio)),
    });
    Ok(())
}

fn worker(stack: &Stack<'_>) -> Command {
    stack.patchbay("worker")
}

/// Gives each of these connections a sync like the one there is, which comes due by itself in a day.
fn add_syncs(stack: &Stack<'_>, connections: &[Uuid]) -> Outcome<Vec<SyncId>> {
    let list = connections.iter().map(|id| format!("{id}\n")).collect::<String>();
    let said = stack.script(&format!(
        "CREATE TABLE bench_connections (connection_id uuid);\nCOPY bench_connections FROM STDIN;\n{list}\\.\n\
         INSERT INTO syncs SELECT (jsonb_populate_record(s.one, jsonb_build_object('sync_id', gen_random_uuid(), \
         'connection_id', b.connection_id, 'next_run_at', now() + interval '1 day'))).* \
         FROM (SELECT syncs AS one FROM syncs WHERE stream = 'orders' LIMIT 1) s, bench_connections b RETURNING sync_id;\n\
         DROP TABLE bench_connections;\n"
    ))?;
    let syncs: Vec<SyncId> = said.lines().filter_map(|line| line.parse().ok()).map(SyncId::from_uuid).collect();
    if syncs.len() == connections.len() { Ok(syncs) } else { Err(format!("{} syncs were made", syncs.len())) }
}

/// Puts a job for each of these syncs into the queue at once, and gives the seconds until all are done.
fn jobs(stack: &Stack<'_>, syncs: &[SyncId]) -> Outcome<f64> {
    let list = syncs.iter().map(|sync| format!("{sync}\n")).collect::<String>();
    let said = stack.script(&format!(
        "CREATE TEMP TABLE wanted (sync text);\nCOPY wanted FROM STDIN;\n{list}\\.\n\
         CHECKPOINT;\n\
         INSERT INTO jobs (job_id, tenant_id, environment_id, queue, serial_key, dedupe_key, priority, payload, state, run_at, \
         created_at) SELECT gen_random_uuid(), e.tenant_id, e.environment_id, 'sync_run', sync, sync, 1, \
         jsonb_build_object('sync', sync, 'trigger', 'api'), 'waiting', now(), now() FROM wanted, environments e;\n\
         NOTIFY patchbay_jobs;\n{}",
        until_none("jobs WHERE queue = 'sync_run'", syncs.len())
    ))?;
    seconds(&said)
}

fn due_rounds(stack: &Stack<'_>) -> Outcome<f64> {
    let mut all = Vec::new();
    for _ in 0..ROUNDS {
        let due = "SELECT sync_id FROM syncs WHERE variant = '' ORDER BY sync_id";
        let said = stack.script(&format!(
            "CHECKPOINT;\nUPDATE syncs SET next_run_at = now() WHERE sync_id IN ({due} LIMIT {DUE});\n{}",
            until_none(
                "syncs WHERE paused_at IS NULL AND next_run_at <= now()",
                usize::try_from(DUE).unwrap_or_default()
            )
        ))?;
        all.push(seconds(&said)?);
        // The runs that it began are not what is measured next.
        stack.script(&until_none("jobs WHERE queue = 'sync_run'", usize::MAX))?;
    }
    Ok(median(all))
}

/// Waits within the database until these rows are gone. Says the seconds since the first of them went, so that it makes no
/// difference when somebody looked first.
fn until_none(rows: &str, all: usize) -> String {
    format!(
        "CREATE TEMP TABLE took (seconds float8);\n\
         DO $$ DECLARE began timestamptz; left_over bigint; patience int := 300000; BEGIN LOOP\n\
         SELECT count(*) INTO left_over FROM {};\n\
         IF began IS NULL AND left_over < {all} THEN began := clock_timestamp(); END IF;\n\
         EXIT WHEN left_over = 0;\n\
         patience := patience - 3; IF patience < 0 THEN RAISE EXCEPTION '% are left', left_over; END IF;\n\
         PERFORM pg_sleep(0.003);\n\
         END LOOP; INSERT INTO took VALUES (extract(epoch FROM clock_timestamp() - began)); END $$;\n\
         SELECT 'took ' || seconds FROM took; DROP TABLE took;\n",
        // The time at which a block began stands still within it.
        rows.replace("now()", "clock_timestamp()")
    )
}

fn seconds(said: &str) -> Outcome<f64> {
    let took = said.lines().find_map(|line| line.strip_prefix("took ")?.parse().ok());
    took.ok_or_else(|| format!("the database says no time: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_found_in_what_the_database_says() {
        assert_eq!(seconds("INSERT 0 1\ntook 1.25\n").ok(), Some(1.25));
        assert!(seconds("DO\n").is_err());
        assert!(until_none("syncs WHERE next_run_at <= now()", 5).contains("next_run_at <= clock_timestamp()"));
    }
}
