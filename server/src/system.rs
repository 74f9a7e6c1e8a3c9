//! The real clock and the real randomness. Everything else is handed these.

use std::cell::RefCell;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use chrono::{DateTime, SubsecRound as _, Utc};
use domain::{clock::Clock, entropy::Entropy};
use zeroize::{Zeroize as _, Zeroizing};

/// The system's clock, in microseconds as Postgres keeps them: what was just written reads back the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is handed in everywhere else")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }
}

/// The operating system's randomness. Ids are asked for all the time and take a few bytes each, so each thread fetches a
/// block at once; a byte is given out once and wiped.
#[derive(Debug, Default)]
pub struct SystemEntropy(SystemRandom);

/// Bytes fetched at once. Whoever asks for more than a quarter of it is served directly.
const BLOCK: usize = 512;

thread_local! {
    /// What is left of this thread's block: all before the length is unused.
    static UNUSED: RefCell<Zeroizing<Vec<u8>>> = RefCell::default();
}

impl SystemEntropy {
    #[expect(clippy::expect_used, reason = "without randomness no key or token may be made, so nothing may go on")]
    fn fetch(&self, buffer: &mut [u8]) {
        self.0.fill(buffer).expect("the operating system gives random bytes");
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        if buffer.len() > BLOCK / 4 {
            return self.fetch(buffer);
        }
        UNUSED.with_borrow_mut(|unused| {
            if unused.len() < buffer.len() {
                unused.resize(BLOCK, 0);
                self.fetch(unused);
            }
            let rest = unused.len() - buffer.len();
            let (_, taken) = unused.split_at_mut(rest);
            buffer.copy_from_slice(taken);
            taken.zeroize();
            unused.truncate(rest);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_byte_is_given_out_twice() {
        let entropy = SystemEntropy::default();
        let seen: HashSet<[u8; 10]> = (0..10_000).map(|_| domain::entropy::bytes::<10>(&entropy)).collect();
        assert_eq!(seen.len(), 10_000);
        assert!(UNUSED.with_borrow(|unused| unused.len() < BLOCK && unused.capacity() == BLOCK));
        assert_ne!(domain::entropy::bytes::<200>(&entropy), [0; 200]);
    }
}
