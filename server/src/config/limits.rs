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
    /// Tries to sign in to the portal a minute for each sender.
    pub sign_ins_per_minute: u32,
    /// Callbacks a minute for each sender that belong to no attempt to connect.
    pub stray_callbacks_per_minute: u32,
    /// The header in which a proxy in front names the sender; empty for none.
    pub sender_header: String,
}

impl Limits {
    /// The same, known not to be zero.
    #[must_use]
    pub fn per_second(&self) -> NonZeroU32 {
        NonZeroU32::new(self.requests_per_second).unwrap_or(NonZeroU32::MIN)
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let rates = [
            ("limits.requests_per_second", self.requests_per_second),
            ("limits.sign_ins_per_minute", self.sign_ins_per_minute),
            ("limits.stray_callbacks_per_minute", self.stray_callbacks_per_minute),
        ];
        if let Some((field, _)) = rates.into_iter().find(|(_, rate)| *rate == 0) {
            return refuse(field, "must be at least 1");
        }
        Ok(())
    }
}
