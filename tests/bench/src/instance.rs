//! What the plugin host costs beside wasmtime alone: a fresh instance, and a call of a plugin's into the host and back. The
//! plugin host measures both itself.

use std::{env, process::Command};

use serde_json::Value;

use crate::{
    Outcome,
    figures::times,
    load::output,
    places::Places,
    stack::announce,
    table::{Row, Table, Target},
};

/// The plugin that is made instances of: the largest of those for real products.
const PLUGIN: &str = "stripe/plugin.wasm";
/// How much more than wasmtime alone anything may cost.
const DEARER: Target = Target::AtMost(1.5);
/// Microseconds of an instance.
const FRESH: Target = Target::AtMost(20.0);

/// Adds its rows.
pub fn measure(places: &Places, table: &mut Table) -> Outcome<()> {
    announce("fresh plugin instance and host call beside wasmtime's own …");
    let mut bench = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    bench.current_dir(&places.root).args(["bench", "--quiet", "-p", "patchbay-plugin-host", "--bench", "instance"]);
    let said = output(bench.arg("--").arg(places.plugins.join(PLUGIN)))?;
    let figures: Option<Value> = said.lines().rev().find_map(|line| serde_json::from_str(line).ok());
    let figure = |name: &str| {
        let found = figures.as_ref().and_then(|figures| figures.get(name)?.as_f64());
        found.ok_or_else(|| format!("the plugin host's benchmark says no {name}: {said}"))
    };
    let (fresh, bare) = (figure("fresh_us")?, figure("bare_us")?);
    let texts = [format!("{fresh:.1} µs"), format!("InstancePre: {bare:.1} µs"), "≤ 1.5 ×, ≤ 20 µs".to_owned()];
    table.add(row("fresh plugin instance", texts, fresh / bare, FRESH.is_met_by(fresh)));
    let (ours, bare) = (figure("host_call_ns")?, figure("bare_call_ns")?);
    let texts = [format!("{ours:.0} ns"), format!("bare host call: {bare:.0} ns"), "≤ 1.5 ×".to_owned()];
    table.add(row("host call round trip", texts, ours / bare, true));
    Ok(())
}

/// A figure beside wasmtime's own: both and the target in words, by how much ours is dearer, and whether what else is asked
/// of it holds.
fn row(what: &str, [ours, reference, target]: [String; 3], ratio: f64, holds_else: bool) -> Row {
    let is_met = Some(DEARER.is_met_by(ratio) && holds_else);
    Row { what: what.to_owned(), ours, reference, ratio: times(ratio), target, is_met }
}
