//! Time that goes on by itself and can be moved forward.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use domain::clock::Clock;

/// The system's time, and what was added to it.
#[derive(Debug, Default)]
pub struct TestClock {
    ahead_ms: AtomicI64,
}

impl TestClock {
    /// Lets time pass.
    pub fn advance(&self, by: TimeDelta) {
        self.ahead_ms.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        // As fine as the database keeps it, like the system's clock of the server.
        (Utc::now() + TimeDelta::milliseconds(self.ahead_ms.load(Ordering::SeqCst))).trunc_subsecs(6)
    }
}
