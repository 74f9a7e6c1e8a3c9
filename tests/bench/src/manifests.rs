//! Reading the whole catalogue: how long it takes, and what it holds in memory. Each round is a process of its own, as a
//! server that starts is one; what it says of its memory is what came on top of an empty one.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use domain::manifest::Manifest;
use serde_json::{Value, json};

use crate::{
    Outcome, ROUNDS,
    figures::{median, thousands},
    load::output,
    places::{self, Places},
    process::own_resident,
    say,
    stack::announce,
    table::{Row, Table, Target},
};

/// What this program is called with to be one of those processes, before the files' folder and their number.
pub const ARGUMENT: &str = "load-manifests";
/// So many are measured, and so many there will be.
const FEW: usize = 400;
const MANY: usize = 2_000;

/// Adds its rows.
pub fn measure(places: &Places, table: &mut Table) -> Outcome<()> {
    announce("reading manifests …");
    let folder = places.root.join("plugins/catalog");
    let myself = env::current_exe().map_err(|error| error.to_string())?;
    let (mut few, mut many, mut held) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let one = |count: usize| -> Outcome<Value> {
            let said = output(Command::new(&myself).arg(ARGUMENT).arg(&folder).arg(count.to_string()))?;
            serde_json::from_str(&said).map_err(|error| format!("{said}: {error}"))
        };
        let figure = |said: &Value, name: &str| said.get(name).and_then(Value::as_f64).ok_or("a figure is missing");
        few.push(figure(&one(FEW)?, "ms")?);
        let all = one(MANY)?;
        many.push(figure(&all, "ms")?);
        held.push(figure(&all, "megabytes")?);
    }
    let (few, many, held) = (median(few), median(many), median(held));
    let row = |what: String, ours: String, target: String, is_met: bool| Row {
        what,
        ours,
        reference: "–".to_owned(),
        ratio: "–".to_owned(),
        target,
        is_met: Some(is_met),
    };
    table.add(row(
        format!("{FEW} manifests read and checked ({} in {many:.0} ms)", thousands(2_000.0)),
        format!("{few:.1} ms"),
        "≤ 50 ms".to_owned(),
        Target::AtMost(50.0).is_met_by(few),
    ));
    table.add(row(
        format!("memory of {} manifests", thousands(2_000.0)),
        format!("{held:.1} MB"),
        "≤ 20 MB".to_owned(),
        Target::AtMost(20.0).is_met_by(held),
    ));
    Ok(())
}

/// Reads that many manifests, the folder's files over and over, and says how long it took and what they hold.
pub fn load(arguments: &[String]) -> Outcome<()> {
    let [folder, count] = arguments else { return Err(format!("usage: bench {ARGUMENT} FOLDER COUNT")) };
    let count: usize = count.parse().map_err(|_| format!("{count} is no number"))?;
    let files = files(Path::new(folder))?;
    let mut manifests = Vec::with_capacity(count);
    let before = own_resident()?;
    let began = Instant::now();
    for path in files.iter().cycle().take(count) {
        let text = places::read(path)?;
        manifests.push(Manifest::parse(&path.display().to_string(), &text).map_err(|error| error.to_string())?);
    }
    let took = began.elapsed();
    let held = own_resident()? - before;
    if manifests.len() != count {
        return Err(format!("{folder} has no manifests"));
    }
    say(json!({ "ms": took.as_secs_f64() * 1000.0, "megabytes": held }));
    Ok(())
}

fn files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        files.push(entry.map_err(failed)?.path());
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    Ok(files)
}
