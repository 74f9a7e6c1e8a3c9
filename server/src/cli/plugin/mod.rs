//! `patchbay plugin`: an author's work on a plugin, before it reaches a server. What it does is in the crate
//! `patchbay-plugin-harness`, which a plugin's own tests use as well; here it is given arguments and printed.

mod begin;
mod check;
mod dryrun;
mod keygen;
mod live;
mod pinning;
mod push;
mod record;
mod remote;

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use patchbay_plugin_harness::{Interface, compile, examine_folder};

use super::{CliError, print};
use crate::config::Config;

/// What can be done with a plugin. None of it but `record` and `dryrun` needs a database; what concerns a server's versions
/// goes over its API.
#[derive(Subcommand)]
pub(super) enum PluginCommand {
    /// Begins a plugin: writes a crate that compiles and passes its test as it stands.
    New(begin::NewArguments),
    /// Builds the component of a plugin in Rust, checks it, and puts it below target/plugins, as a server takes it.
    Build {
        /// The plugin's folder.
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Replays the fixtures in the plugin host of the server, with its limits, and answers each request with each error.
    Test {
        /// The plugin's folder.
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// Takes the component that was built before, or the one beside the manifest. Without it, a plugin in Rust is
        /// built first.
        #[arg(long)]
        no_build: bool,
    },
    /// Checks a manifest, the component that goes with it, and whether the component knows what the manifest promises.
    Check {
        /// The plugin's folder, or a provider.toml.
        #[arg(default_value = ".")]
        path: PathBuf,
    },
    /// Makes a fixture of what the provider answers for a connection, without secrets.
    Record(record::RecordArguments),
    /// Pulls a stream for a connection, writes nothing, and says how what came differs from what is stored.
    Dryrun(dryrun::DryrunArguments),
    /// Makes a key to sign plugins with.
    Keygen {
        /// The file that the private key is written to; one that is not there yet.
        file: PathBuf,
    },
    /// Has an environment of a server trust a key's signatures.
    Trust(keygen::TrustArguments),
    /// Signs a version and writes it into one file, to be pushed from elsewhere.
    Sign(push::SignArguments),
    /// Signs a version and sends it to a server; or sends what was signed.
    Push(push::PushArguments),
    /// Lists the versions that a server has of a plugin.
    Versions(pinning::VersionsArguments),
    /// Agrees to what a version asks for beyond the one before.
    Approve(pinning::VersionArguments),
    /// Puts a version in force.
    Pin(pinning::VersionArguments),
    /// Puts an earlier version in force again.
    Rollback(pinning::RollbackArguments),
}

impl PluginCommand {
    /// Whether it needs settings.
    pub(super) const fn is_online(&self) -> bool {
        !matches!(self, Self::Build { .. } | Self::Test { .. } | Self::Keygen { .. })
    }
}

pub(super) async fn online(config: &Config, command: &PluginCommand) -> Result<ExitCode, CliError> {
    match command {
        PluginCommand::New(arguments) => begin::new(config, arguments).await,
        PluginCommand::Check { path } => check::check(config, path).await,
        PluginCommand::Record(arguments) => record::record(config, arguments).await,
        PluginCommand::Dryrun(arguments) => dryrun::dryrun(config, arguments).await,
        PluginCommand::Trust(arguments) => keygen::trust(config, arguments).await,
        PluginCommand::Sign(arguments) => push::sign(arguments).await,
        PluginCommand::Push(arguments) => push::push(config, arguments).await,
        PluginCommand::Versions(arguments) => pinning::versions(config, arguments).await,
        PluginCommand::Approve(arguments) => pinning::approve(config, arguments).await,
        PluginCommand::Pin(arguments) => pinning::pin(config, arguments).await,
        PluginCommand::Rollback(arguments) => pinning::rollback(config, arguments).await,
        offline => self::offline(offline),
    }
}

/// The commands that need no settings.
pub(super) fn offline(command: &PluginCommand) -> Result<ExitCode, CliError> {
    match command {
        PluginCommand::Build { folder } => {
            let built = compile::build(folder).map_err(CliError::refused)?;
            let size = built.bytes.div_ceil(1000);
            print(&format!("{}: {size} kB, and the plugin host takes it", built.component.display()));
            Ok(print(&described(&built.interface)))
        }
        PluginCommand::Test { folder, no_build } => {
            if !no_build && folder.join("Cargo.toml").is_file() && folder.join("provider.toml").is_file() {
                compile::build(folder).map_err(CliError::refused)?;
            }
            examined(folder)
        }
        PluginCommand::Keygen { file } => keygen::keygen(file),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn examined(folder: &std::path::Path) -> Result<ExitCode, CliError> {
    let found = examine_folder(folder).map_err(CliError::refused)?;
    print(found.table().trim_end());
    let (fixtures, wrong) = (found.replayed.len(), found.wrong.len());
    print(&format!(
        "\n{} replayed, begun again at {}, {} replaced by errors",
        counted(fixtures, "fixture"),
        counted(found.resumed, "cursor"),
        counted(found.injected, "answer")
    ));
    for note in &found.notes {
        print(&format!("note: {note}"));
    }
    for finding in &found.wrong {
        print(&format!("\nwrong: {finding}"));
    }
    if wrong == 0 {
        return Ok(print("all as it should be"));
    }
    print(&format!("\n{} wrong", counted(wrong, "thing")));
    Ok(ExitCode::FAILURE)
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// What a component asks for and gives.
fn described(interface: &Interface) -> String {
    let listed = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    format!("  asks for {}\n  gives {}", listed(&interface.imports), listed(&interface.exports))
}
