//! A plugin that was checked and compiled.

use std::sync::Arc;

use tokio::time::{Instant, timeout};
use wasmtime::{Store, UpdateDeadline};

use crate::{
    abi,
    capabilities::{Capabilities, Guest},
    error::PluginError,
    host::{Owner, Pool},
    limits::{PluginLimits, Usage},
    session::{self, PluginSession},
};

/// What a component is, by its bytes: their BLAKE3 hash, written in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PluginId([u8; 32]);

impl PluginId {
    /// The id of a component with these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Under what the same component is kept for one owner: nothing that a component could have as its own id.
    pub(crate) fn of_owner(&self, owner: &Owner) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("patchbay 2026-11-22 a plugin of one owner");
        hasher.update(owner);
        hasher.update(&self.0);
        Self(*hasher.finalize().as_bytes())
    }
}

impl std::fmt::Display for PluginId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A plugin, ready to make instances of itself.
pub struct Plugin {
    pub(crate) id: PluginId,
    pub(crate) pre: abi::Pre,
    pub(crate) pool: Arc<Pool>,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Plugin").field(&self.id).finish()
    }
}

impl Plugin {
    /// What it is, by its bytes.
    #[must_use]
    pub fn id(&self) -> PluginId {
        self.id
    }

    /// The version of the contract that it was written for, `2.0` for one.
    #[must_use]
    pub fn contract(&self) -> &'static str {
        self.pre.contract().version()
    }

    /// Makes a fresh instance for one run or one call: memory, tables and globals as the component declares them,
    /// nothing of any earlier instance. Waits for a free place if all are taken.
    ///
    /// # Errors
    /// [`PluginError::Busy`] if none comes free in time; what the plugin's own start runs into.
    pub async fn session(
        &self,
        capabilities: Capabilities,
        mut limits: PluginLimits,
    ) -> Result<PluginSession, PluginError> {
        let pool = &self.pool;
        limits.memory_bytes = limits.memory_bytes.min(pool.config.memory_bytes);
        let busy = || PluginError::Busy { instances: pool.config.instances };
        let place = match Arc::clone(&pool.places).try_acquire_owned() {
            Ok(place) => place,
            Err(_) => timeout(pool.config.wait, Arc::clone(&pool.places).acquire_owned())
                .await
                .map_err(|_| busy())?
                .map_err(|_| busy())?,
        };
        let started = Instant::now();
        let working = pool.ticker.work();
        let mut store = Store::new(&pool.engine, Guest::new(capabilities, limits));
        store.limiter(|guest| &mut guest.memory);
        // The runtime's own way of giving way: it looks at its timers and sockets before the guest goes on. Were the guest
        // merely woken again, it would look at them after some sixty turns of guests.
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))));
        store.set_epoch_deadline(1);
        store.set_hostcall_fuel(limits.output_bytes);
        store.set_fuel(limits.fuel).map_err(|e| PluginError::Internal(e.into()))?;
        // A component may compute while it starts, so this too is held to its fuel and time.
        let provider = match timeout(limits.wall, self.pre.instantiate(&mut store)).await {
            Ok(made) => made.map_err(|error| session::explain(error, &limits, pool))?,
            Err(_) => return Err(PluginError::TimedOut { limit: limits.wall }),
        };
        drop(working);
        let fuel = limits.fuel.saturating_sub(store.get_fuel().unwrap_or_default());
        let guest = store.data();
        let total = Usage { fuel, memory_peak: guest.memory.peak(), elapsed: started.elapsed(), ..guest.usage };
        Ok(PluginSession::new(store, provider, Arc::clone(pool), place, total))
    }
}
