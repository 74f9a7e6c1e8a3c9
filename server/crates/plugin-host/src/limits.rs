//! What a plugin may use, and what it used.

use std::time::Duration;

/// What one instance may use. The same figures bind in production, in tests and on an author's machine.
///
/// "Per call" is per page, action, verification and so on; the count begins anew with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PluginLimits {
    /// Bytes of linear memory of the instance, at its largest. 64 MiB.
    pub memory_bytes: usize,
    /// Elements of all its tables together. 20,000.
    pub table_elements: usize,
    /// Instructions per call, about one unit each. 4,000,000,000, which is a few seconds of one core.
    pub fuel: u64,
    /// Time per call from outside, waiting for the provider included. 120 s.
    pub wall: Duration,
    /// HTTP requests per call. 50.
    pub http_calls: u32,
    /// Bytes of one request's body. 8 MiB.
    pub request_bytes: usize,
    /// Bytes of one answer's body. 16 MiB.
    pub response_bytes: usize,
    /// Log lines that a session keeps; further ones are counted and dropped. 1,000. A call that writes ten times as
    /// many is ended.
    pub log_lines: u32,
    /// Bytes that one call may give back, and that it may hand to the host in one request or log line. 32 MiB.
    pub output_bytes: usize,
    /// Records and deletions of one page. 50,000.
    pub page_items: usize,
    /// Bytes of a cursor. 64 KiB.
    pub cursor_bytes: usize,
    /// Pages that one session pulls. 100,000.
    pub pages: u32,
}

impl Default for PluginLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            table_elements: 20_000,
            fuel: 4_000_000_000,
            wall: Duration::from_secs(120),
            http_calls: 50,
            request_bytes: 8 << 20,
            response_bytes: 16 << 20,
            log_lines: 1000,
            output_bytes: 32 << 20,
            page_items: 50_000,
            cursor_bytes: 64 << 10,
            pages: 100_000,
        }
    }
}

/// What was used, for the canonical log line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Calls into the plugin.
    pub calls: u32,
    /// Instructions, about one unit each.
    pub fuel: u64,
    /// Bytes of linear memory at its largest.
    pub memory_peak: usize,
    /// HTTP requests made, refused ones included.
    pub http_calls: u32,
    /// Log lines written.
    pub log_lines: u32,
    /// Of these, lines that were dropped because the session had its fill.
    pub log_lines_dropped: u32,
    /// Time inside the plugin and waiting for it.
    pub elapsed: Duration,
}

impl Usage {
    /// Adds a call's figures to a session's.
    pub(crate) fn add(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.fuel = self.fuel.saturating_add(other.fuel);
        self.memory_peak = self.memory_peak.max(other.memory_peak);
        self.http_calls = self.http_calls.saturating_add(other.http_calls);
        self.log_lines = self.log_lines.saturating_add(other.log_lines);
        self.log_lines_dropped = self.log_lines_dropped.saturating_add(other.log_lines_dropped);
        self.elapsed = self.elapsed.saturating_add(other.elapsed);
    }
}
