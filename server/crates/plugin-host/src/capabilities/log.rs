//! The log capability: lines cut and counted, then handed to whoever keeps the run's log.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::{Guest, cut};
use crate::error::PluginError;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the plugin's author.
    Debug,
    /// What happened.
    Info,
    /// What a person should look at some day.
    Warn,
    /// What went wrong.
    Error,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub at: DateTime<Utc>,
    /// How much it matters.
    pub level: LogLevel,
    /// At most 4,096 bytes, without NUL.
    pub message: String,
}

/// Where a run's log goes. Called in the middle of the guest's work: keep it quick and do not block.
pub trait HostLog: Send {
    /// Takes one line.
    fn line(&mut self, line: LogLine);
}

/// Keeps lines in memory until they are taken. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct LogBuffer(Arc<Mutex<Vec<LogLine>>>);

impl LogBuffer {
    /// The lines so far; the buffer is empty afterwards.
    #[must_use]
    pub fn take(&self) -> Vec<LogLine> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HostLog for LogBuffer {
    fn line(&mut self, line: LogLine) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// Bytes of a line.
const LINE_BYTES: usize = 4096;

impl Guest {
    /// Keeps a line if there is room, counts it in any case.
    ///
    /// # Errors
    /// [`PluginError::LogFlood`] if one call writes ten times as many lines as a session keeps.
    pub(crate) fn write_line(&mut self, level: LogLevel, message: &str) -> Result<(), PluginError> {
        self.usage.log_lines = self.usage.log_lines.saturating_add(1);
        let flood = self.limits.log_lines.saturating_mul(10);
        if self.usage.log_lines > flood {
            return Err(PluginError::LogFlood { limit: flood });
        }
        if self.lines_kept >= self.limits.log_lines {
            self.usage.log_lines_dropped = self.usage.log_lines_dropped.saturating_add(1);
            return Ok(());
        }
        self.lines_kept = self.lines_kept.saturating_add(1);
        let message = cut(message, LINE_BYTES).replace('\0', "\u{fffd}");
        self.capabilities.log.line(LogLine { at: self.capabilities.clock.now(), level, message });
        Ok(())
    }
}
