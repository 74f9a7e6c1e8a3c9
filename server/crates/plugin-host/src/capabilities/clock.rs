//! The clock capability.

use super::Guest;

impl Guest {
    /// Milliseconds since the Unix epoch.
    pub(crate) fn unix_ms(&self) -> u64 {
        u64::try_from(self.capabilities.clock.now().timestamp_millis()).unwrap_or_default()
    }
}
