//! The engine with its pools, and the way from bytes to a plugin.

use std::{
    hash::{Hash, Hasher},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use domain::entropy::Entropy;
use tokio::sync::Semaphore;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    component::{Component, Linker},
};

use crate::{
    abi,
    artefacts::Artefacts,
    capabilities::Guest,
    component,
    error::{LoadError, StartError},
    plugin::{Plugin, PluginId},
    ticker::Ticker,
};

/// How the host is set up.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Where compiled plugins are kept between starts; none keeps them in memory alone.
    pub cache_folder: Option<PathBuf>,
    /// Instances at the same time. Each reserves 4 GiB of address space, not of memory. 256.
    pub instances: u32,
    /// The most memory that any [`crate::PluginLimits`] may give, in bytes. 256 MiB.
    pub memory_bytes: usize,
    /// The largest component, in bytes. 16 MiB.
    pub component_bytes: usize,
    /// Loaded plugins kept at hand. 256.
    pub plugins: usize,
    /// How long a session waits for a free instance. 10 s.
    pub wait: Duration,
    /// The longest that a guest holds a thread before it gives way. 5 ms.
    pub tick: Duration,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            cache_folder: None,
            instances: 256,
            memory_bytes: 256 << 20,
            component_bytes: 16 << 20,
            plugins: 256,
            wait: Duration::from_secs(10),
            tick: Duration::from_millis(5),
        }
    }
}

/// What sessions share.
pub(crate) struct Pool {
    pub(crate) engine: Engine,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) ticker: Arc<Ticker>,
    pub(crate) config: HostConfig,
}

/// Loads plugins. One per process; cheap to share behind an `Arc`.
pub struct PluginHost {
    pool: Arc<Pool>,
    linker: Arc<Linker<Guest>>,
    artefacts: Option<Arc<Artefacts>>,
    /// The engine's version, settings and processor, as far as compiled code depends on them.
    compatibility: String,
    plugins: quick_cache::sync::Cache<Known, Arc<Plugin>>,
}

/// What a compiled plugin is found by: what it is, and whose.
type Known = (PluginId, Option<Owner>);

/// Whose a plugin is: 16 bytes that tell a tenant from all others.
pub type Owner = [u8; 16];

impl std::fmt::Debug for PluginHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginHost").field("config", &self.pool.config).finish_non_exhaustive()
    }
}

impl PluginHost {
    /// Starts the engine, its epoch thread and the folder for compiled plugins.
    ///
    /// # Errors
    /// Address space cannot be reserved or the folder cannot be used; the text says what to do.
    pub fn new(config: HostConfig, entropy: &dyn Entropy) -> Result<Self, StartError> {
        let engine = Engine::new(&engine_config(&config)).map_err(|e| StartError::Engine(e.to_string()))?;
        let ticker = Ticker::start(&engine, config.tick).map_err(|e| StartError::Engine(e.to_string()))?;
        let mut linker = Linker::new(&engine);
        abi::link(&mut linker).map_err(|e| StartError::Engine(e.to_string()))?;
        let artefacts = config.cache_folder.as_deref().map(|folder| Artefacts::open(folder, entropy)).transpose()?;
        let mut hasher = Digest(blake3::Hasher::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self {
            linker: Arc::new(linker),
            artefacts: artefacts.map(Arc::new),
            compatibility: hasher.0.finalize().to_hex().to_string(),
            plugins: quick_cache::sync::Cache::new(config.plugins),
            pool: Arc::new(Pool {
                engine,
                places: Arc::new(Semaphore::new(usize::try_from(config.instances).unwrap_or(usize::MAX))),
                ticker: Arc::new(ticker),
                config,
            }),
        })
    }

    /// Turns a component's bytes into a plugin: checked, compiled or read from the cache, ready to make instances. The
    /// same bytes give the same plugin, and are compiled once however many ask at the same time.
    ///
    /// # Errors
    /// What is wrong with it and what to do.
    pub async fn load(&self, bytes: Vec<u8>) -> Result<Arc<Plugin>, LoadError> {
        self.load_as(None, bytes).await
    }

    /// The same for a plugin that a tenant brings, compiled for that tenant alone: how long it takes says nothing about what
    /// others have. Two tenants with the same plugin pay for that with memory.
    ///
    /// # Errors
    /// As for [`PluginHost::load`].
    pub async fn load_of(&self, owner: Owner, bytes: Vec<u8>) -> Result<Arc<Plugin>, LoadError> {
        self.load_as(Some(owner), bytes).await
    }

    async fn load_as(&self, owner: Option<Owner>, bytes: Vec<u8>) -> Result<Arc<Plugin>, LoadError> {
        component::sniff(&bytes, self.pool.config.component_bytes)?;
        let known = (PluginId::of(&bytes), owner);
        self.plugins.get_or_insert_async(&known, self.prepare(known, bytes)).await
    }

    async fn prepare(&self, known: Known, bytes: Vec<u8>) -> Result<Arc<Plugin>, LoadError> {
        let (pool, linker, artefacts) = (Arc::clone(&self.pool), Arc::clone(&self.linker), self.artefacts.clone());
        let (id, owner) = known;
        let name = format!("{}-{}", owner.map_or(id, |owner| id.of_owner(&owner)), self.compatibility);
        // Compiling takes tens of milliseconds: not on a thread that serves.
        let work = move || {
            let component = compile(&pool.engine, artefacts.as_deref(), &name, &bytes)?;
            let contract = component::inspect(&pool.engine, &component, &pool.config)?;
            let world = |e: wasmtime::Error| LoadError::World(format!("{e:#}"));
            let pre = linker.instantiate_pre(&component).map_err(world)?;
            let pre = abi::Pre::new(contract, pre).map_err(world)?;
            Ok(Arc::new(Plugin { id, pre, pool }))
        };
        tokio::task::spawn_blocking(work).await.map_err(|e| LoadError::Internal(e.into()))?
    }
}

fn compile(engine: &Engine, artefacts: Option<&Artefacts>, name: &str, bytes: &[u8]) -> Result<Component, LoadError> {
    let compiled = || Component::from_binary(engine, bytes).map_err(|e| LoadError::Invalid(format!("{e:#}")));
    let Some(artefacts) = artefacts else { return compiled() };
    if let Some(component) = kept(engine, artefacts, name) {
        return Ok(component);
    }
    // Whoever comes second finds what the first one made.
    let _lock = artefacts.lock(name);
    if let Some(component) = kept(engine, artefacts, name) {
        return Ok(component);
    }
    let component = compiled()?;
    artefacts.write(name, &component.serialize().map_err(|e| LoadError::Internal(e.into()))?);
    Ok(component)
}

/// The component as it was compiled before, if it was.
fn kept(engine: &Engine, artefacts: &Artefacts, name: &str) -> Option<Component> {
    let compiled = artefacts.read(name)?;
    #[expect(unsafe_code, reason = "the engine cannot tell its own output from anything else; `Artefacts::read` can")]
    // SAFETY: the bytes carry this node's keyed digest, so `Component::serialize` in `compile` made them, for an engine of
    // the same compatibility hash, and nothing has changed them since.
    let component = unsafe { Component::deserialize(engine, &compiled) };
    component
        .inspect_err(|error| tracing::warn!(%error, "a compiled plugin does not fit this engine; it is compiled anew"))
        .ok()
}

fn engine_config(config: &HostConfig) -> Config {
    // A component is several core instances: the module itself and the adapters around it.
    const CORE_INSTANCES: u32 = 8;
    const TABLES: u32 = 4;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(config.instances)
        .total_core_instances(config.instances.saturating_mul(CORE_INSTANCES))
        .total_memories(config.instances)
        .total_tables(config.instances.saturating_mul(TABLES))
        .total_stacks(config.instances)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(1)
        .max_tables_per_component(TABLES)
        .table_elements(20_000)
        .max_memory_size(config.memory_bytes)
        // A slot that was used keeps this much mapped and is wiped by hand, which is cheaper than giving it back.
        .linear_memory_keep_resident(64 << 10)
        .table_keep_resident(4 << 10)
        .max_unused_warm_slots(16);
    let mut engine = Config::new();
    engine
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .cranelift_opt_level(OptLevel::Speed)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(512 << 10)
        .async_stack_size(1 << 20)
        .wasm_component_model(true)
        // Nothing that the toolchain does not need by itself: less to compile, less to go wrong, the same everywhere.
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false);
    engine
}

/// Feeds a `Hash` into BLAKE3, so that equal 64-bit hashes of different engines cannot happen.
struct Digest(blake3::Hasher);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash = self.0.finalize();
        hash.as_bytes().first_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk))
    }
}
