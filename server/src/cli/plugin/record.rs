//! `patchbay plugin record`.

use std::{fs, process::ExitCode};

use patchbay_plugin_harness::capture::{STRIPPED, capture};

use super::{
    super::{CliError, print},
    live::{Live, LiveArguments},
};
use crate::config::Config;

/// What is recorded.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RecordArguments {
    #[command(flatten)]
    live: LiveArguments,
    /// The fixture's name, without `.json`; the stream's with `-recorded` unless given.
    #[arg(long)]
    name: Option<String>,
}

pub(super) async fn record(config: &Config, arguments: &RecordArguments) -> Result<ExitCode, CliError> {
    let stream = &arguments.live.stream;
    let name = arguments.name.clone().unwrap_or_else(|| format!("{stream}-recorded"));
    if name.contains(['/', '\\']) {
        return Err(CliError::Refused("--name is a file's name, without a folder".into()));
    }
    let folder = arguments.live.folder.join("fixtures");
    let file = folder.join(format!("{name}.json"));
    let refused = |error: &dyn std::fmt::Display| CliError::Refused(format!("{}: {error}", file.display()));
    if file.exists() {
        return Err(refused(&"is there already, and is not written over: remove it, or say --name"));
    }
    let live = Live::find(config, &arguments.live).await?;
    let captured = capture(&live.provider, &live.plugin, &live.connection, live.http(), &live.wanted).await;
    let captured = captured.map_err(CliError::refused)?;
    fs::create_dir_all(&folder).map_err(|error| refused(&error))?;
    fs::write(&file, &captured.fixture).map_err(|error| refused(&error))?;
    print(&format!("{}: {} requests, {} pages", file.display(), captured.exchanges, captured.pages));
    for place in &captured.stripped {
        print(&format!("  {STRIPPED}: {place}"));
    }
    for place in &captured.unreviewed {
        print(&format!("  not looked through, for it is no JSON: {place}"));
    }
    Ok(print("It replays. Look through it for names and addresses of people before you commit it."))
}
