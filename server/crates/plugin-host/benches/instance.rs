//! What a fresh instance costs beside a bare `InstancePre` of the same component, both measured in this run.
//!
//! `cargo bench -p patchbay-plugin-host --bench instance -- <plugin.wasm>` prints one JSON object: microseconds of an
//! instance at the median and the 99th percentile, the ratio of the medians, and milliseconds to start the host, to
//! load the component for the first time and to load it from the folder of compiled ones.

use std::{io::Write, path::Path, sync::Arc, time::Instant};

use chrono::{DateTime, Utc};
use domain::{clock::Clock, entropy::Entropy};
use patchbay_plugin_host::{Capabilities, HostConfig, LogBuffer, NoHttp, PluginHost, PluginLimits};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
    component::{Component, InstancePre, Linker},
};

type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const ROUNDS: usize = 20_000;
/// Both sides take turns in blocks, so that what the machine does meanwhile hits both.
const BLOCK: usize = 500;

struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
}

struct Zeroes;

impl Entropy for Zeroes {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

/// The same pool and none of the rest: no fuel, no epochs, no limits, imports that trap.
fn bare(bytes: &[u8]) -> Fallible<(Engine, InstancePre<()>)> {
    let mut pool = PoolingAllocationConfig::new();
    pool.max_memory_size(256 << 20).linear_memory_keep_resident(64 << 10).table_keep_resident(4 << 10);
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config)?;
    let component = Component::from_binary(&engine, bytes)?;
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&component)?;
    let pre = linker.instantiate_pre(&component)?;
    Ok((engine, pre))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Fallible<()> {
    let path = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let path = path.ok_or("give the path of a component: cargo bench … -- target/plugins/<slug>/plugin.wasm")?;
    // Cargo runs this in the package's folder; a path is meant from the workspace's.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let bytes = std::fs::read(root.join(path))?;
    let (engine, pre) = bare(&bytes)?;
    let folder = std::env::temp_dir().join(format!("patchbay-bench-{}", std::process::id()));
    let config = HostConfig { cache_folder: Some(folder.clone()), ..HostConfig::default() };
    let begun = Instant::now();
    let host = PluginHost::new(config.clone(), &Zeroes)?;
    let start = begun.elapsed();
    let begun = Instant::now();
    host.load(bytes.clone()).await?;
    let first = begun.elapsed();
    drop(host);
    let host = PluginHost::new(config, &Zeroes)?;
    let begun = Instant::now();
    let plugin = host.load(bytes).await?;
    let again = begun.elapsed();
    std::fs::remove_dir_all(folder)?;
    let clock: Arc<dyn Clock> = Arc::new(Epoch);
    let (mut bare, mut fresh) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
    for _ in 0..ROUNDS / BLOCK {
        for _ in 0..BLOCK {
            let begun = Instant::now();
            let mut store = Store::new(&engine, ());
            pre.instantiate_async(&mut store).await?;
            drop(store);
            bare.push(begun.elapsed());
        }
        for _ in 0..BLOCK {
            let begun = Instant::now();
            let capabilities =
                Capabilities { http: Box::new(NoHttp), log: Box::new(LogBuffer::default()), clock: Arc::clone(&clock) };
            drop(plugin.session(capabilities, PluginLimits::default()).await?);
            fresh.push(begun.elapsed());
        }
    }
    let mut figures = Vec::new();
    for side in [&mut bare, &mut fresh] {
        side.sort_unstable();
        for percentile in [50, 99] {
            let figure = side.get(side.len() * percentile / 100).ok_or("no rounds")?;
            figures.push(figure.as_secs_f64() * 1e6);
        }
    }
    let [bare_50, bare_99, fresh_50, fresh_99] = figures.try_into().map_err(|_| "no rounds")?;
    let ratio = fresh_50 / bare_50;
    let [start, first, again] = [start, first, again].map(|time| time.as_secs_f64() * 1e3);
    writeln!(
        std::io::stdout(),
        "{{\"bare_us\":{bare_50:.2},\"bare_p99_us\":{bare_99:.2},\"fresh_us\":{fresh_50:.2},\"fresh_p99_us\":{fresh_99:.2},\
         \"ratio\":{ratio:.2},\"start_ms\":{start:.1},\"first_load_ms\":{first:.1},\"cached_load_ms\":{again:.2}}}"
    )?;
    Ok(())
}
