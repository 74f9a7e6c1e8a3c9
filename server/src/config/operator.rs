//! `[operator]`

use domain::secret::Secret;
use serde::Deserialize;

use super::{ConfigError, refuse};

/// The operator's API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// Opens it; empty closes it.
    pub token: Secret,
}

impl Operator {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if !self.token.expose().is_empty() && self.token.expose().len() < 32 {
            return refuse("operator.token", "must have at least 32 characters; `openssl rand -hex 32` makes one");
        }
        Ok(())
    }
}
