//! What was used of each budget, as a table for a terminal.

use std::time::Duration;

use plugin_host::PluginLimits;

use crate::{Replayed, stage::Largest};

const HEAD: [&str; 9] = ["fixture", "calls", "time", "fuel", "memory", "requests", "output", "records", "log"];

/// One row per fixture with the most that one call of it used (memory and log: the whole run), then the largest of all,
/// the limits, and the part of them.
pub(crate) fn table(replayed: &[Replayed]) -> String {
    let limits = PluginLimits::default();
    let mut rows: Vec<[String; 9]> = vec![HEAD.map(Into::into)];
    let (mut largest, mut memory, mut log, mut calls) = (Largest::default(), 0, 0, 0);
    for one in replayed {
        largest = largest.or(one.largest);
        (memory, log) = (memory.max(one.usage.memory_peak), log.max(one.usage.log_lines));
        calls = calls.max(one.usage.calls);
        rows.push(row(
            &one.name,
            &one.usage.calls.to_string(),
            &one.largest,
            one.usage.memory_peak,
            one.usage.log_lines,
        ));
    }
    rows.push(row("largest", &calls.to_string(), &largest, memory, log));
    let allowed = Largest {
        elapsed: limits.wall,
        fuel: limits.fuel,
        http_calls: limits.http_calls,
        output_bytes: limits.output_bytes,
        records: limits.page_items,
        cursor_bytes: limits.cursor_bytes,
    };
    rows.push(row("limit", &limits.pages.to_string(), &allowed, limits.memory_bytes, limits.log_lines));
    let wide = |count: usize| u128::try_from(count).unwrap_or(u128::MAX);
    let parts = [
        (largest.elapsed.as_nanos(), limits.wall.as_nanos()),
        (largest.fuel.into(), limits.fuel.into()),
        (wide(memory), wide(limits.memory_bytes)),
        (largest.http_calls.into(), limits.http_calls.into()),
        (wide(largest.output_bytes), wide(limits.output_bytes)),
        (wide(largest.records), wide(limits.page_items)),
        (log.into(), limits.log_lines.into()),
    ]
    .map(|(used, limit)| part(used, limit));
    let [time, fuel, bytes, requests, output, records, lines] = parts;
    rows.push([
        "used".into(),
        part(calls.into(), limits.pages.into()),
        time,
        fuel,
        bytes,
        requests,
        output,
        records,
        lines,
    ]);
    aligned(&rows)
}

fn row(name: &str, calls: &str, largest: &Largest, memory: usize, log: u32) -> [String; 9] {
    [
        name.to_owned(),
        calls.to_owned(),
        time(largest.elapsed),
        fuel(largest.fuel),
        size(memory),
        largest.http_calls.to_string(),
        size(largest.output_bytes),
        largest.records.to_string(),
        log.to_string(),
    ]
}

/// Percent with one decimal, rounded up, so that what was used at all is never shown as nothing.
fn part(used: u128, limit: u128) -> String {
    let thousandths = used.saturating_mul(1000).div_ceil(limit.max(1));
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

fn time(elapsed: Duration) -> String {
    let micros = elapsed.as_micros();
    if micros < 10_000 {
        format!("{micros} µs")
    } else if micros < 10_000_000 {
        format!("{} ms", micros / 1000)
    } else {
        format!("{} s", micros / 1_000_000)
    }
}

fn fuel(units: u64) -> String {
    if units < 10_000_000 { format!("{} k", units.div_ceil(1000)) } else { format!("{} M", units.div_ceil(1_000_000)) }
}

fn size(bytes: usize) -> String {
    if bytes < 10_000 {
        format!("{bytes} B")
    } else if bytes < 10 << 20 {
        format!("{} KiB", bytes.div_ceil(1 << 10))
    } else {
        format!("{} MiB", bytes.div_ceil(1 << 20))
    }
}

/// The first column to the left, the others to the right.
fn aligned(rows: &[[String; 9]]) -> String {
    let mut widths = [0_usize; 9];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            let fill = " ".repeat(width.saturating_sub(cell.chars().count()));
            if at == 0 {
                line.push_str(&format!("{cell}{fill}"));
            } else {
                line.push_str(&format!("  {fill}{cell}"));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_host::Usage;

    #[test]
    fn what_was_used_stands_beside_its_limit() {
        let usage = Usage { calls: 2, memory_peak: 32 << 20, log_lines: 100, ..Usage::default() };
        let largest = Largest {
            elapsed: Duration::from_micros(1500),
            fuel: 40_000_000,
            http_calls: 5,
            output_bytes: 2048,
            records: 25_000,
            cursor_bytes: 10,
        };
        let one = Replayed { name: "a.json".into(), usage, largest, resumed: 1, log: vec![] };
        let table = table(&[one]);
        let lines: Vec<Vec<&str>> =
            table.lines().map(|line| line.split("  ").filter(|c| !c.is_empty()).map(str::trim).collect()).collect();
        assert_eq!(lines[1], ["a.json", "2", "1500 µs", "40 M", "32 MiB", "5", "2048 B", "25000", "100"]);
        assert_eq!(lines[3], ["limit", "100000", "120 s", "4000 M", "64 MiB", "50", "32 MiB", "50000", "1000"]);
        assert_eq!(lines[4], ["used", "0.1 %", "0.1 %", "1.0 %", "50.0 %", "10.0 %", "0.1 %", "50.0 %", "10.0 %"]);
    }
}
