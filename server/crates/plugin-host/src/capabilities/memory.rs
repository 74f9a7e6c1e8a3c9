//! Holds an instance to its memory, and remembers how much it took and what it was refused.

use wasmtime::ResourceLimiter;

use crate::error::PluginError;

/// Counts bytes of memory and elements of tables over all memories and tables of a store.
pub(crate) struct MemoryGuard {
    bytes: usize,
    bytes_limit: usize,
    elements: usize,
    elements_limit: usize,
}

impl MemoryGuard {
    pub(crate) fn new(bytes_limit: usize, elements_limit: usize) -> Self {
        Self { bytes: 0, bytes_limit, elements: 0, elements_limit }
    }

    /// Bytes of linear memory now, which is also its peak: memory never shrinks.
    pub(crate) fn peak(&self) -> usize {
        self.bytes
    }
}

/// The sum after growing, or the refusal. A refusal ends the guest rather than letting it see a failed allocation: it
/// would only panic, and the reason would be lost.
fn grow(what: &'static str, used: usize, current: usize, desired: usize, limit: usize) -> Result<usize, PluginError> {
    let wanted = used.saturating_add(desired.saturating_sub(current));
    if wanted > limit { Err(PluginError::OutOfMemory { what, wanted, limit }) } else { Ok(wanted) }
}

impl ResourceLimiter for MemoryGuard {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.bytes = grow("bytes of memory", self.bytes, current, desired, self.bytes_limit)?;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.elements = grow("table elements", self.elements, current, desired, self.elements_limit)?;
        Ok(true)
    }
}
