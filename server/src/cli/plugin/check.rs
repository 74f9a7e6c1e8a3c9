//! `patchbay plugin check`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use domain::manifest::Manifest;
use patchbay_plugin_harness::{Interface, ProviderFolder, probe::probe};
use plugin_host::{Plugin, PluginHost};

use super::{
    super::{CliError, print},
    described,
};
use crate::{config::Config, system::SystemEntropy};

pub(super) async fn check(config: &Config, path: &Path) -> Result<ExitCode, CliError> {
    let file = if path.is_dir() { path.join("provider.toml") } else { path.to_owned() };
    let host = PluginHost::new(config.plugins.host(), &SystemEntropy::default()).map_err(CliError::refused)?;
    let (manifest, plugin) = match built(&file)? {
        Some((manifest, component)) => {
            let refused =
                |error: &dyn std::fmt::Display| CliError::Refused(format!("{}: {error}", component.display()));
            let bytes = fs::read(&component).map_err(|error| refused(&error))?;
            (manifest, Some(host.load(bytes).await.map_err(|error| refused(&error))?))
        }
        None => {
            let provider = flows::Providers::load_one(&file, &host).await.map_err(CliError::refused)?;
            let plugin = match &provider.plugin {
                Some(plugin) => Some(Arc::clone(plugin.plugin().await.map_err(CliError::refused)?)),
                None => None,
            };
            (provider.manifest, plugin)
        }
    };
    let manifest = &manifest;
    let streams: Vec<_> = manifest.streams.iter().map(|stream| stream.name.as_str()).collect();
    let streams = if streams.is_empty() { "no streams".into() } else { format!("streams {}", streams.join(", ")) };
    let code = match &plugin {
        None => "without code",
        Some(plugin) => {
            knows_what_is_promised(manifest, plugin).await?;
            "with a component"
        }
    };
    print(&format!("{} ({}) is sound: {code}, {streams}", manifest.name, manifest.slug));
    if let Some(component) = component_of(&file, manifest)
        && let Ok(bytes) = fs::read(component)
    {
        print(&described(&Interface::of(&bytes)));
    }
    Ok(ExitCode::SUCCESS)
}

/// The component that was built of a plugin's sources, where the folder holds sources and no component.
fn built(file: &Path) -> Result<Option<(Manifest, PathBuf)>, CliError> {
    let Some(folder) = file.parent().filter(|_| file.ends_with("provider.toml")) else { return Ok(None) };
    if !file.is_file() || !folder.join("Cargo.toml").is_file() {
        return Ok(None);
    }
    let provider = ProviderFolder::open(folder).map_err(CliError::refused)?;
    if provider.manifest.plugin.is_none() {
        return Ok(None);
    }
    let component = provider.component_file().map_err(CliError::refused)?;
    Ok(Some((provider.manifest, component)))
}

fn component_of(file: &Path, manifest: &Manifest) -> Option<PathBuf> {
    let beside = file.with_file_name(&manifest.plugin.as_ref()?.component);
    let built = || built(file).ok().flatten().map(|(_, component)| component);
    if beside.is_file() { Some(beside) } else { built() }
}

async fn knows_what_is_promised(manifest: &Manifest, plugin: &Plugin) -> Result<(), CliError> {
    let probed = probe(manifest, plugin).await.map_err(CliError::refused)?;
    for note in &probed.notes {
        print(&format!("note: {note}"));
    }
    if probed.wrong.is_empty() { Ok(()) } else { Err(CliError::Refused(probed.wrong.join("\n"))) }
}
