//! Wasmtime with the same pool and none of the rest: no fuel, no epochs, no limits, no checks.

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::Fallible;

pub fn engine() -> Fallible<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.max_memory_size(256 << 20).linear_memory_keep_resident(64 << 10).table_keep_resident(4 << 10);
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Ok(Engine::new(&config)?)
}
