//! The first ingest of many records through a plugin, beside `COPY` of the same rows into a table with the same columns,
//! indexes and foreign key; and the same pulled again when nothing has changed.

use std::{
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{
    Outcome,
    client::text,
    figures::{median, thousands, times},
    stack::{Stack, announce},
    table::{Row, Table, Target},
    tenant::Tenant,
};

/// The stream that is pulled.
pub const STREAM: &str = "orders";
/// How long a run may take: millions of records on a slow machine.
const PATIENCE: Duration = Duration::from_secs(3600);
/// What the server may hold beyond what it held before, in millions of bytes: 64 MiB, however many records come.
const FLAT: f64 = 67.1;

/// Adds its rows.
pub fn measure(stack: &mut Stack<'_>, tenant: &Tenant, table: &mut Table) -> Outcome<()> {
    announce("ingest beside COPY …");
    let records = stack.places.records;
    let bench = Bench { tenant, sync: sync_of(tenant)? };
    // A fresh process that has run the plugin once, so that what it holds then is what it holds anyway. What changed in the
    // very moment of the cursor comes once more.
    stack.start_server()?;
    bench.run(|added, _| added == 0)?;
    let before = stack.server()?.resident()?;
    let path = stack.sql("SELECT current_setting('data_directory') || '/bench.copy'")?;
    // The other stream's few records are not ours to measure.
    stack
        .sql(&format!("DELETE FROM records WHERE sync_id <> (SELECT sync_id FROM syncs WHERE stream = '{STREAM}')"))?;
    stack.sql(&format!("COPY (SELECT * FROM records ORDER BY seq) TO '{path}'"))?;
    let size: f64 =
        number(&stack.sql("SELECT avg(octet_length(body::text)) FROM (SELECT body FROM records LIMIT 10000) sample")?)?;
    let (mut first, mut copied, mut again) = (Vec::new(), Vec::new(), Vec::new());
    let mut written = 0.0;
    for _ in 0..stack.places.rounds {
        stack.sql("TRUNCATE records; UPDATE syncs SET cursor = NULL, last_seq = 0")?;
        stack.sql("CHECKPOINT")?;
        first.push(bench.run(|added, unchanged| added == records && unchanged == 0)?);
        copied.push(copy(stack, &path, records)?);
        stack.sql("CHECKPOINT")?;
        // An incremental stream would ask for changes only; without its cursor it pulls everything once more.
        stack.sql("UPDATE syncs SET cursor = NULL")?;
        let began = stack.sql("SELECT txid_current()")?;
        again.push(bench.run(|added, unchanged| added == 0 && unchanged == records)?);
        let rows = stack.sql(&format!("SELECT count(*) FROM records WHERE xmin::text::bigint >= {began}"))?;
        written += number(&rows)?;
    }
    let peak = stack.server()?.peak()?;
    let (first, copied, again) = (median(first), median(copied), median(again));
    let rate = |seconds: f64| f64::from(records) / seconds;
    let ratio = copied / first;
    table.add(Row {
        what: format!("first ingest of {} records of {size:.0} B", thousands(records.into())),
        ours: format!("{}/s ({first:.2} s)", thousands(rate(first))),
        reference: format!("COPY: {}/s ({copied:.2} s)", thousands(rate(copied))),
        ratio: times(ratio),
        target: "≥ 0.5 ×".to_owned(),
        is_met: Some(Target::AtLeast(0.5).is_met_by(ratio)),
    });
    let ratio = first / again;
    table.add(Row {
        what: "unchanged re-sync of the same".to_owned(),
        ours: format!("{again:.2} s, {} rows written", thousands(written)),
        reference: format!("first ingest: {first:.2} s"),
        ratio: format!("{ratio:.2} × faster"),
        target: "≥ 6 × faster, 0 rows".to_owned(),
        is_met: Some(Target::AtLeast(6.0).is_met_by(ratio) && written < 0.5),
    });
    table.add(Row {
        what: "memory during all that, at its highest, beyond before".to_owned(),
        ours: format!("{:.0} MB more ({peak:.0} MB)", peak - before),
        reference: format!("before: {before:.0} MB"),
        ratio: "–".to_owned(),
        target: "≤ 64 MiB more".to_owned(),
        is_met: Some(peak - before <= FLAT),
    });
    Ok(())
}

/// Waits for the end of the ingest that begins with the connection.
pub fn wait_for_first(tenant: &Tenant) -> Outcome<()> {
    Bench { tenant, sync: sync_of(tenant)? }.run_after("").map(drop)
}

struct Bench<'a> {
    tenant: &'a Tenant,
    sync: String,
}

impl Bench<'_> {
    /// Runs the sync and gives the seconds from its run's beginning to its end.
    fn run(&self, is_right: impl Fn(u32, u32) -> bool) -> Outcome<f64> {
        let last = self.last()?.map_or(Ok(String::new()), |run| text(&run, "/id"))?;
        self.tenant.post(&format!("/v1/syncs/{}/trigger", self.sync), &json!({}))?;
        let run = self.run_after(&last)?;
        let count = |name: &str| run.pointer(name).and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok());
        let counts = count("/counts/added").zip(count("/counts/unchanged"));
        if !counts.is_some_and(|(added, unchanged)| is_right(added, unchanged)) {
            return Err(format!("the run did not do what is measured: {run}"));
        }
        let time = |name: &str| -> Outcome<DateTime<Utc>> {
            text(&run, name)?.parse().map_err(|error| format!("{name} of a run: {error}"))
        };
        let took = (time("/finished_at")? - time("/started_at")?).num_microseconds();
        took.and_then(|micros| u32::try_from(micros).ok())
            .map(|micros| f64::from(micros) / 1e6)
            .ok_or_else(|| "a run took no time that can be told".to_owned())
    }

    /// Waits for the end of the first run after another one.
    fn run_after(&self, last: &str) -> Outcome<Value> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(run) = self.last()?
                && text(&run, "/id")? != last
            {
                match text(&run, "/state")?.as_str() {
                    "succeeded" => return Ok(run),
                    "failed" => return Err(format!("the run failed: {run}")),
                    _ => {}
                }
            }
            thread::sleep(Duration::from_millis(100));
        }
        Err(format!("waited {PATIENCE:?} in vain until the run ends"))
    }

    fn last(&self) -> Outcome<Option<Value>> {
        let runs = self.tenant.read(&format!("/v1/runs?sync={}&limit=1", self.sync))?;
        Ok(runs.pointer("/data/0").cloned())
    }
}

fn sync_of(tenant: &Tenant) -> Outcome<String> {
    tenant.until("there is a sync", || {
        let syncs = tenant.read(&format!("/v1/syncs?connection={}", tenant.connection))?;
        let syncs = syncs.pointer("/data").and_then(Value::as_array).cloned().unwrap_or_default();
        let ours = syncs.iter().find(|sync| text(sync, "/stream").is_ok_and(|stream| stream == STREAM));
        ours.map(|sync| text(sync, "/id")).transpose()
    })
}

/// `COPY` from a file of the server's own into a table of the same make, which is as fast as it gets; the seconds that `psql` says it took.
fn copy(stack: &Stack<'_>, path: &str, records: u32) -> Outcome<f64> {
    stack.sql(
        "DROP TABLE IF EXISTS bench_records; CREATE TABLE bench_records (LIKE records INCLUDING ALL) PARTITION BY HASH (sync_id); \
         ALTER TABLE bench_records ADD FOREIGN KEY (sync_id) REFERENCES syncs ON DELETE CASCADE; \
         DO $$ BEGIN FOR part IN 0..15 LOOP EXECUTE format('CREATE TABLE bench_records_%s PARTITION OF bench_records \
         FOR VALUES WITH (MODULUS 16, REMAINDER %s)', part, part); END LOOP; END $$",
    )?;
    stack.sql("CHECKPOINT")?;
    let said = stack.script(&format!("\\timing on\nCOPY bench_records FROM '{path}';\n"))?;
    let rows = number(&stack.sql("SELECT count(*) FROM bench_records")?)?;
    if (rows - f64::from(records)).abs() > 0.5 {
        return Err(format!("COPY brought {rows} rows"));
    }
    Ok(timing(&said).ok_or_else(|| format!("psql says no time: {said}"))? / 1000.0)
}

/// `Time: 1234.567 ms (00:01.235)`
pub fn timing(said: &str) -> Option<f64> {
    said.lines().find_map(|line| line.strip_prefix("Time: ")?.split(' ').next()?.parse().ok())
}

fn number(text: &str) -> Outcome<f64> {
    text.parse().map_err(|_| format!("the database gives no number but {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_found_in_what_psql_says() {
        assert_eq!(timing("Time: 1234.567 ms (00:01.235)\n"), Some(1234.567));
        assert_eq!(timing("COPY 5\n"), None);
    }
}
