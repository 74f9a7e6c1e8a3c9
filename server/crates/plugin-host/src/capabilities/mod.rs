//! What a guest has of the outside world: one file per capability. Deny by default: what is not here, it has not.

pub mod http;
pub mod log;

mod clock;
mod memory;
mod random;

use std::sync::Arc;

use domain::{clock::Clock, entropy::Entropy};

use self::{http::HostHttp, log::HostLog, memory::MemoryGuard};
use crate::limits::{PluginLimits, Usage};

/// What the caller hands to one instance.
pub struct Capabilities {
    /// HTTP towards the provider, with the credential added on the way out and masked on the way in.
    pub http: Box<dyn HostHttp>,
    /// Where the run's log goes.
    pub log: Box<dyn HostLog>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Capabilities")
    }
}

/// The state that stands behind one instance.
pub(crate) struct Guest {
    pub(crate) capabilities: Capabilities,
    pub(crate) limits: PluginLimits,
    /// What the current call used so far; fuel and time are put in at its end.
    pub(crate) usage: Usage,
    /// Log lines kept over the whole session.
    pub(crate) lines_kept: u32,
    pub(crate) memory: MemoryGuard,
}

impl Guest {
    pub(crate) fn new(capabilities: Capabilities, limits: PluginLimits) -> Self {
        let memory = MemoryGuard::new(limits.memory_bytes, limits.table_elements);
        Self { capabilities, limits, usage: Usage::default(), lines_kept: 0, memory }
    }
}

/// The text, or as much of its beginning as fits into `bytes` without splitting a character.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}
