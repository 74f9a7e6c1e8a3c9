//! The log of a run: what the plugin and the host write, numbered, bounded, and committed along with pages.

use chrono::{DateTime, Utc};
use domain::run::LogLevel;
use plugin_host::LogBuffer;
use store::LogRow;

/// Lines that a run keeps, over all the workers that took it up.
const MOST_LINES: u32 = 2_000;
/// Bytes of a line of the host's.
const LONGEST_LINE: usize = 2_000;

/// Collects lines until they are written.
pub(crate) struct Journal {
    plugin: LogBuffer,
    lines: Vec<LogRow>,
    last_line: u32,
}

impl Journal {
    /// Goes on after the last line that was written.
    pub(crate) fn after(last_line: u32) -> Self {
        Self { plugin: LogBuffer::default(), lines: Vec::new(), last_line }
    }

    /// What the plugin writes to.
    pub(crate) fn plugin(&self) -> LogBuffer {
        self.plugin.clone()
    }

    /// Adds a line of the host's.
    pub(crate) fn note(&mut self, level: LogLevel, message: impl Into<String>, at: DateTime<Utc>) {
        self.gather();
        let mut message = message.into().replace('\0', "\u{fffd}");
        message.truncate(message.floor_char_boundary(LONGEST_LINE));
        self.push(level, message, at);
    }

    /// Lines that are to be written. They stay until [`Journal::written`] says that they are.
    pub(crate) fn pending(&mut self) -> Vec<LogRow> {
        self.gather();
        self.lines.clone()
    }

    /// The lines that were pending are committed.
    pub(crate) fn written(&mut self, lines: &[LogRow]) {
        let up_to = lines.last().map_or(0, |line| line.line);
        self.lines.retain(|line| line.line > up_to);
    }

    /// The same log, in case this one is lost with the task that has it: lines that are not written yet are missing.
    pub(crate) fn spare(&self) -> Self {
        Self { plugin: self.plugin.clone(), lines: Vec::new(), last_line: self.last_line }
    }

    fn gather(&mut self) {
        for line in self.plugin.take() {
            let level = match line.level {
                plugin_host::LogLevel::Debug => LogLevel::Debug,
                plugin_host::LogLevel::Info => LogLevel::Info,
                plugin_host::LogLevel::Warn => LogLevel::Warn,
                plugin_host::LogLevel::Error => LogLevel::Error,
            };
            self.push(level, line.message, line.at);
        }
    }

    fn push(&mut self, level: LogLevel, message: String, at: DateTime<Utc>) {
        let line = self.last_line.saturating_add(1);
        if line > MOST_LINES {
            return;
        }
        // The last line that fits says why there are no more.
        let (level, message) = match line {
            MOST_LINES => (LogLevel::Warn, format!("A run keeps {MOST_LINES} lines; further ones are dropped.")),
            _ => (level, message),
        };
        self.last_line = line;
        self.lines.push(LogRow { line, level, message, at });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_kept_until_written_and_bounded() {
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut journal = Journal::after(7);
        journal.note(LogLevel::Info, "a\0b", at);
        journal.note(LogLevel::Info, "é".repeat(LONGEST_LINE), at);
        let pending = journal.pending();
        assert_eq!(pending.iter().map(|line| line.line).collect::<Vec<_>>(), [8, 9]);
        assert_eq!(pending[0].message, "a\u{fffd}b");
        assert_eq!(pending[1].message.len(), LONGEST_LINE);
        assert_eq!(journal.pending(), pending);
        journal.written(&pending[..1]);
        assert_eq!(journal.pending().len(), 1);
        for _ in 0..2 * MOST_LINES {
            journal.note(LogLevel::Info, "x", at);
        }
        let pending = journal.pending();
        assert_eq!(pending.last().unwrap().line, MOST_LINES);
        assert!(pending.last().unwrap().message.contains("dropped"));
    }
}
