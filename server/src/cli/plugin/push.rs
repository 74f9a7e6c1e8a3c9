//! `patchbay plugin sign` and `patchbay plugin push`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use api_types::plugin::{PluginVersion, PluginVersionState};
use flows::plugin::{MOST_PACKAGE_BYTES, Package, in_words, parse_version};
use patchbay_plugin_harness::{ProviderFolder, probe::probe};
use plugin_host::{HostConfig, PluginHost};

use super::{
    super::{CliError, print},
    keygen, pinning,
    remote::{FarServer, ServerArguments},
};
use crate::{config::Config, system::SystemEntropy};

/// What is signed, and by whom.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SignArguments {
    /// The plugin's folder.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The file with the private key, as keygen wrote it.
    #[arg(long, env = "PATCHBAY_PLUGIN_KEY_FILE")]
    key: PathBuf,
    /// The version's number, by Semantic Versioning; that of the folder's Cargo.toml unless given.
    #[arg(long)]
    version: Option<String>,
    /// Where to write the package; <slug>-<version>.plugin unless given.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// What is pushed where.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct PushArguments {
    /// The plugin's folder, which is signed on the way; or a package that `patchbay plugin sign` wrote.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The file with the private key, as keygen wrote it.
    #[arg(long, env = "PATCHBAY_PLUGIN_KEY_FILE")]
    key: Option<PathBuf>,
    /// The version's number, by Semantic Versioning; that of the folder's Cargo.toml unless given.
    #[arg(long)]
    version: Option<String>,
    /// Puts the version in force at once.
    #[arg(long)]
    pin: bool,
    #[command(flatten)]
    server: ServerArguments,
}

pub(super) async fn sign(arguments: &SignArguments) -> Result<ExitCode, CliError> {
    let package = signed(&arguments.folder, &arguments.key, arguments.version.as_deref()).await?;
    let (slug, version) = (&package.signed.slug, &package.signed.version);
    let file = arguments.out.clone().unwrap_or_else(|| PathBuf::from(format!("{slug}-{version}.plugin")));
    fs::write(&file, package.to_bytes()).map_err(|error| CliError::Refused(format!("{}: {error}", file.display())))?;
    print(&format!("{}: {slug} {version}, signed by {}", file.display(), package.public_key.fingerprint()));
    Ok(print(&format!("next: patchbay plugin push {} --server URL", file.display())))
}

pub(super) async fn push(config: &Config, arguments: &PushArguments) -> Result<ExitCode, CliError> {
    let remote = FarServer::at(config, &arguments.server)?;
    let package = if arguments.path.is_file() { read(&arguments.path)? } else { from_folder(arguments).await? };
    let pushed: PluginVersion = remote.push(package.to_bytes()).await?;
    let (slug, version) = (&pushed.plugin, &pushed.version);
    let size = pushed.component_bytes.div_ceil(1000);
    print(&format!(
        "{slug} {version} is there: {size} kB, contract {}, sha256 {}",
        pushed.abi, pushed.component_sha256
    ));
    if pushed.state == PluginVersionState::NeedsApproval {
        print("It asks for more than the version before:");
        for ask in &pushed.asks {
            print(&format!("  {}", in_words(ask)));
        }
        let next = format!("patchbay plugin approve {slug} {version}");
        if arguments.pin {
            return Err(CliError::Refused(format!("it is not pinned. If it may have that: {next}, and pin it then")));
        }
        return Ok(print(&format!("next, if it may have that: {next}")));
    }
    if arguments.pin {
        return pinning::put(&remote, slug, version).await;
    }
    Ok(print(&format!("next: patchbay plugin pin {slug} {version}")))
}

async fn from_folder(arguments: &PushArguments) -> Result<Package, CliError> {
    let key = arguments.key.as_ref().ok_or_else(|| {
        CliError::Refused(
            "--key FILE: a server takes signed plugins alone; `patchbay plugin keygen` makes a key".into(),
        )
    })?;
    signed(&arguments.path, key, arguments.version.as_deref()).await
}

fn read(file: &Path) -> Result<Package, CliError> {
    let refused = |error: &dyn std::fmt::Display| CliError::Refused(format!("{}: {error}", file.display()));
    let size = fs::metadata(file).map_err(|error| refused(&error))?.len();
    if usize::try_from(size).is_ok_and(|size| size > MOST_PACKAGE_BYTES) {
        return Err(refused(&format!("is larger than a package may be, {MOST_PACKAGE_BYTES} bytes")));
    }
    let bytes = fs::read(file).map_err(|error| refused(&error))?;
    Package::parse(&bytes).map_err(|error| refused(&error))
}

/// Checks a folder as a server does and signs what is in it.
async fn signed(folder: &Path, key: &PathBuf, version: Option<&str>) -> Result<Package, CliError> {
    let key = keygen::read(key)?;
    let provider = ProviderFolder::open(folder).map_err(CliError::refused)?;
    let manifest = &provider.manifest;
    let slug = &manifest.slug;
    if manifest.plugin.is_none() {
        let words = format!("{slug} has no code: what is data alone is described with PUT /v1/providers/{slug}");
        return Err(CliError::Refused(words));
    }
    let version = match version {
        Some(version) => version.to_owned(),
        None => of_crate(folder)?,
    };
    parse_version(&version).map_err(|rule| CliError::Refused(format!("version {version}: {rule}")))?;
    let component = provider.component().map_err(CliError::refused)?;
    let host = PluginHost::new(HostConfig::default(), &SystemEntropy::default()).map_err(CliError::refused)?;
    let plugin = host.load(component.clone()).await.map_err(CliError::refused)?;
    let probed = probe(manifest, &plugin).await.map_err(CliError::refused)?;
    if !probed.wrong.is_empty() {
        return Err(CliError::Refused(probed.wrong.join("\n")));
    }
    let file = folder.join("provider.toml");
    let text = fs::read_to_string(&file).map_err(|error| CliError::Refused(format!("{}: {error}", file.display())))?;
    Package::sign(&key, (slug, &version, plugin.contract()), text, component).map_err(CliError::refused)
}

/// The version of the folder's crate.
fn of_crate(folder: &Path) -> Result<String, CliError> {
    let text = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let mut table = "";
    for line in text.lines().map(str::trim) {
        match line.split_once('=').map(|(field, value)| (field.trim(), value.trim())) {
            _ if line.starts_with('[') => table = line,
            Some(("version", value)) if table == "[package]" => {
                return Ok(value.trim_matches(['"', '\'']).to_owned());
            }
            _ => {}
        }
    }
    Err(CliError::Refused("--version NUMBER: the folder's Cargo.toml names none that could be taken".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_package_and_of_nothing_else() {
        let folder = std::env::temp_dir().join(format!("patchbay-version-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let write = |text: &str| fs::write(folder.join("Cargo.toml"), text).unwrap();
        write("[dependencies]\nversion = \"9.9.9\"\n[package]\nname = \"x\"\nversion = \"1.2.3\"\n");
        assert_eq!(of_crate(&folder).unwrap(), "1.2.3");
        write("[package]\nname = \"x\"\nversion.workspace = true\n");
        assert!(of_crate(&folder).unwrap_err().to_string().contains("--version"));
        fs::remove_dir_all(&folder).unwrap();
        assert!(of_crate(&folder).is_err());
    }
}
