//! `patchbay plugin`: manifests and components, before they reach a server.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use plugin_host::PluginHost;

use super::{CliError, print};
use crate::{config::Config, system::SystemEntropy};

/// What can be done with a plugin.
#[derive(Subcommand)]
pub(super) enum PluginCommand {
    /// Checks a manifest and the component beside it.
    Check {
        /// A provider.toml, or the folder that it is in.
        path: PathBuf,
    },
}

pub(super) async fn plugin(config: &Config, command: &PluginCommand) -> Result<ExitCode, CliError> {
    let PluginCommand::Check { path } = command;
    let file = if path.is_dir() { path.join("provider.toml") } else { path.clone() };
    let host = PluginHost::new(config.plugins.host(), &SystemEntropy::default()).map_err(CliError::refused)?;
    let provider = flows::Providers::load_one(&file, &host).await.map_err(CliError::refused)?;
    let manifest = &provider.manifest;
    let streams: Vec<_> = manifest.streams.iter().map(|stream| stream.name.as_str()).collect();
    let code = if provider.plugin.is_some() { "with a component" } else { "without code" };
    let streams = if streams.is_empty() { "no streams".into() } else { format!("streams {}", streams.join(", ")) };
    Ok(print(&format!("{} ({}) is sound: {code}, {streams}", manifest.name, manifest.slug)))
}
