//! `[limits]`

use std::num::NonZeroU32;

use serde::Deserialize;

use super::{ConfigError, refuse};

/// Limits on the way in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests a second for each caller.
    pub requests_per_second: u32,
}

impl Limits {
    /// The same, known not to be zero.
    #[must_use]
    pub fn per_second(&self) -> NonZeroU32 {
        NonZeroU32::new(self.requests_per_second).unwrap_or(NonZeroU32::MIN)
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.requests_per_second == 0 {
            return refuse("limits.requests_per_second", "must be at least 1");
        }
        Ok(())
    }
}
