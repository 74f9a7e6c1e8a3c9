//! `patchbay provider`: manifests, before a server reads them.

mod check;

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use domain::manifest;

use super::{CliError, print};

/// What can be done with manifests. None of it needs a server, a database or settings.
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
}

pub(super) fn provider(command: &ProviderCommand) -> Result<ExitCode, CliError> {
    match command {
        ProviderCommand::Check { paths } => check::check(paths),
        ProviderCommand::Schema { markdown: true } => Ok(print(manifest::reference().trim_end())),
        ProviderCommand::Schema { markdown: false } => Ok(print(&manifest::json_schema_text())),
        ProviderCommand::Coverage { paths } => check::coverage(paths),
    }
}
