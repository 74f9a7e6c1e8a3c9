//! `patchbay provider`: manifests, before a server reads them.

mod ask;
mod attempt;
pub(super) mod check;
pub(super) mod draft;
mod listener;
mod redact;

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use domain::manifest;

use super::{CliError, print};
use crate::config::Config;

/// What can be done with manifests. None of it needs a server or a database.
#[derive(Subcommand)]
pub(super) enum ProviderCommand {
    /// Checks manifests one by one and all together, and says all that is wrong with each.
    Check {
        /// Manifests, or folders with some: `provider.toml` anywhere below, and each file of a folder `catalog`.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Prints the manifest's JSON Schema, for editors.
    Schema {
        /// As a page to read instead: each table with its fields.
        #[arg(long)]
        markdown: bool,
    },
    /// Prints how many of the manifests say what, as a page.
    Coverage {
        /// As for `check`.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Prints a first manifest, made of an OpenAPI document or of an issuer's discovery document.
    Draft(draft::DraftArguments),
    /// Connects an account with a manifest and prints each exchange, without secrets.
    Try(attempt::TryArguments),
}

impl ProviderCommand {
    /// Whether it speaks to the outside, and so needs settings.
    pub(super) const fn is_online(&self) -> bool {
        matches!(self, Self::Draft(_) | Self::Try(_))
    }
}

pub(super) async fn online(config: &Config, command: &ProviderCommand) -> Result<ExitCode, CliError> {
    match command {
        ProviderCommand::Draft(arguments) => draft::draft(config, arguments).await,
        ProviderCommand::Try(arguments) => attempt::attempt(config, arguments).await,
        offline => provider(offline),
    }
}

/// The commands that need no settings.
pub(super) fn provider(command: &ProviderCommand) -> Result<ExitCode, CliError> {
    match command {
        ProviderCommand::Check { paths } => check::check(paths),
        ProviderCommand::Schema { markdown: true } => Ok(print(manifest::reference().trim_end())),
        ProviderCommand::Schema { markdown: false } => Ok(print(&manifest::json_schema_text())),
        ProviderCommand::Coverage { paths } => check::coverage(paths),
        ProviderCommand::Draft(_) | ProviderCommand::Try(_) => Ok(ExitCode::SUCCESS),
    }
}
