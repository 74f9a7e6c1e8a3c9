//! A fresh instance of a plugin, beside a bare one of the same component. The plugin host measures both itself.

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

/// Adds its row.
pub fn measure(places: &Places, table: &mut Table) -> Outcome<()> {
    announce("fresh plugin instance beside a bare one …");
    let mut bench = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    bench.current_dir(&places.root).args(["bench", "--quiet", "-p", "patchbay-plugin-host", "--bench", "instance"]);
    let said = output(bench.arg("--").arg(places.plugins.join("acme/plugin.wasm")))?;
    let figures: Option<Value> = said.lines().rev().find_map(|line| serde_json::from_str(line).ok());
    let figure = |name: &str| {
        let found = figures.as_ref().and_then(|figures| figures.get(name)?.as_f64());
        found.ok_or_else(|| format!("the plugin host's benchmark says no {name}: {said}"))
    };
    let (fresh, bare) = (figure("fresh_us")?, figure("bare_us")?);
    let ratio = fresh / bare;
    table.add(Row {
        what: "fresh plugin instance".to_owned(),
        ours: format!("{fresh:.1} µs"),
        reference: format!("InstancePre: {bare:.1} µs"),
        ratio: times(ratio),
        target: "≤ 2 ×".to_owned(),
        is_met: Some(Target::AtMost(2.0).is_met_by(ratio)),
    });
    Ok(())
}
