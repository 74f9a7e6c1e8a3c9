//! The real clock and the real randomness. Everything else is handed these.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use chrono::{DateTime, SubsecRound as _, Utc};
use domain::{clock::Clock, entropy::Entropy};

/// The system's clock, in microseconds as Postgres keeps them: what was just written reads back the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is handed in everywhere else")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }
}

/// The operating system's randomness.
#[derive(Debug, Default)]
pub struct SystemEntropy(SystemRandom);

impl Entropy for SystemEntropy {
    #[expect(clippy::expect_used, reason = "without randomness no key or token may be made, so nothing may go on")]
    fn fill(&self, buffer: &mut [u8]) {
        self.0.fill(buffer).expect("the operating system gives random bytes");
    }
}
