//! Where new ids come from: a clock and a source of randomness, together.

use std::sync::Arc;

use crate::{clock::Clock, entropy::Entropy};

/// Makes ids: `mint.id(ConnectionId::new)`.
#[derive(Clone)]
pub struct Mint {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Mint {
    /// A mint over the given clock and randomness.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy }
    }

    /// A new id; `make` is the `new` of the kind wanted.
    pub fn id<T>(&self, make: fn(u64, [u8; 10]) -> T) -> T {
        let unix_ms = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or_default();
        make(unix_ms, crate::entropy::bytes(self.entropy.as_ref()))
    }
}
