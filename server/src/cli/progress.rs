//! How far a command has come, on standard error: one line that is written over on a terminal, a line now and then
//! elsewhere.

use std::{
    io::{IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

/// Between lines where they are kept.
const EVERY: Duration = Duration::from_secs(2);
/// Between changes of a line that is written over.
const OFTEN: Duration = Duration::from_millis(100);
/// Characters of the bar.
const WIDTH: u64 = 24;

/// A bar.
pub(super) struct Progress {
    total: u64,
    is_terminal: bool,
    told_at: Option<Instant>,
    told: String,
}

impl Progress {
    /// A bar to so many.
    pub(super) fn to(total: u64) -> Self {
        Self { total, is_terminal: std::io::stderr().is_terminal(), told_at: None, told: String::new() }
    }

    /// So many are done. `more` stands behind the figures.
    pub(super) fn at(&mut self, done: u64, more: &str) {
        let line = self.line(done, more);
        let wait = if self.is_terminal { OFTEN } else { EVERY };
        let is_time = self.told_at.is_none_or(|at| at.elapsed() >= wait) || done >= self.total;
        if line == self.told || !is_time {
            return;
        }
        self.told_at = Some(Instant::now());
        write(&if self.is_terminal { format!("\r\x1b[K{line}") } else { format!("{line}\n") });
        self.told = line;
    }

    /// No more is to come: what is written next begins a line of its own.
    pub(super) fn end(self) {
        if self.is_terminal && !self.told.is_empty() {
            write("\n");
        }
    }

    fn line(&self, done: u64, more: &str) -> String {
        let done = done.min(self.total);
        // Of nothing, all is done.
        let part = |of: u64| done.saturating_mul(of).checked_div(self.total).unwrap_or(of);
        let (full, percent) = (part(WIDTH), part(100));
        let bar: String = (0..WIDTH).map(|at| if at < full { '#' } else { '.' }).collect();
        format!("[{bar}] {percent:>3} %  {done} of {}{}{more}", self.total, if more.is_empty() { "" } else { ", " })
    }
}

/// A line for people, beside the answer on standard output.
pub(super) fn say(line: &str) {
    write(&format!("{line}\n"));
}

fn write(text: &str) {
    // A terminal that is gone is no reason to stop.
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}

/// Lines of columns, each as wide as its widest.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_at_its_end_and_of_nothing_too() {
        let bar = Progress { total: 8, is_terminal: false, told_at: None, told: String::new() };
        assert_eq!(bar.line(4, "2 wrong"), "[############............]  50 %  4 of 8, 2 wrong");
        let nothing = Progress { total: 0, is_terminal: false, told_at: None, told: String::new() };
        assert!(nothing.line(0, "").ends_with("100 %  0 of 0"));
    }
}
