//! A fresh instance of a component.

use std::time::Instant;

use patchbay_plugin_host::{HostConfig, PluginHost, PluginLimits};
use wasmtime::{
    Engine, Store,
    component::{Component, InstancePre, Linker},
};

use crate::{Fallible, Zeroes, bare, capabilities, percentile};

const ROUNDS: usize = 20_000;
/// Both sides take turns in blocks, so that what the machine does meanwhile hits both.
const BLOCK: usize = 500;

/// Imports that trap: nothing is called.
fn bare_pre(bytes: &[u8]) -> Fallible<(Engine, InstancePre<()>)> {
    let engine = bare::engine()?;
    let component = Component::from_binary(&engine, bytes)?;
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&component)?;
    let pre = linker.instantiate_pre(&component)?;
    Ok((engine, pre))
}

/// The figures, as fields of a JSON object.
pub async fn measure(bytes: Vec<u8>) -> Fallible<String> {
    let (engine, pre) = bare_pre(&bytes)?;
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
            let capabilities = capabilities();
            let begun = Instant::now();
            drop(plugin.session(capabilities, PluginLimits::default()).await?);
            fresh.push(begun.elapsed());
        }
    }
    let mut figures = Vec::new();
    for (name, side) in [("bare", &mut bare), ("fresh", &mut fresh)] {
        for (suffix, share) in [("us", 50), ("p99_us", 99)] {
            figures.push(format!("\"{name}_{suffix}\":{:.2}", percentile(side, share)?.as_secs_f64() * 1e6));
        }
    }
    for (name, time) in [("start", start), ("first_load", first), ("cached_load", again)] {
        figures.push(format!("\"{name}_ms\":{:.2}", time.as_secs_f64() * 1e3));
    }
    Ok(figures.join(","))
}
