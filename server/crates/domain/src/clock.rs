//! Time, handed in.

use chrono::{DateTime, Utc};

/// Where the wall-clock time comes from. The server hands in the system's, tests one that they move by hand.
pub trait Clock: Send + Sync + 'static {
    /// The time now, in UTC.
    fn now(&self) -> DateTime<Utc>;
}
