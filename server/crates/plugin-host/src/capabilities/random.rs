//! The randomness capability.

use domain::entropy::bytes;

use super::Guest;

impl Guest {
    /// 128 bits that nobody can guess, in two halves.
    pub(crate) fn random_bits(&self) -> (u64, u64) {
        let half = || u64::from_le_bytes(bytes(self.capabilities.entropy.as_ref()));
        (half(), half())
    }
}
